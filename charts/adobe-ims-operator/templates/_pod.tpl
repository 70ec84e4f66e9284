{{/* What the operator's container is told: flags, and the variables that programs take a proxy from. */}}
{{- define "adobe-ims-operator.args" -}}
- run
{{- range .Values.watchNamespaces }}
- --namespace={{ . }}
{{- end }}
{{- with .Values.selector }}
- {{ printf "--selector=%s" . | quote }}
{{- end }}
{{- range (include "adobe-ims-operator.endpoints" . | fromJson).urls }}
- --endpoint={{ . }}
{{- end }}
{{- if or .Values.allowHttpEndpoint .Values.standIn.enabled }}
- --allow-http-endpoint
{{- end }}
{{- range .Values.forbid }}
- {{ printf "--forbid=%s" . | quote }}
{{- end }}
- --concurrency={{ .Values.concurrency }}
- --ims-qps={{ .Values.imsQps }}
{{- if include "adobe-ims-operator.caVolume" . }}
- --ims-ca-file=/etc/adobe-ims-operator/ca/ca.crt
{{- end }}
{{- if .Values.leaderElection.enabled }}
- --leader-elect
- --lease-name={{ include "adobe-ims-operator.fullname" . }}
{{- end }}
- --metrics-port={{ ternary .Values.metrics.port 0 .Values.metrics.enabled }}
{{- if and .Values.metrics.enabled .Values.metrics.tls.secretName }}
- --metrics-cert-file=/etc/adobe-ims-operator/metrics-tls/tls.crt
- --metrics-key-file=/etc/adobe-ims-operator/metrics-tls/tls.key
{{- if .Values.metrics.auth.enabled }}
- --metrics-auth
{{- end }}
{{- end }}
- --health-port={{ .Values.healthPort }}
- --log-format={{ .Values.logFormat }}
- --log-level={{ .Values.logLevel }}
{{- range .Values.extraArgs }}
- {{ . | quote }}
{{- end }}
{{- end }}

{{- define "adobe-ims-operator.env" -}}
{{- $proxy := .Values.proxy }}
{{- $past := compact (list $proxy.noProxy (ternary (include "adobe-ims-operator.standInHost" .) "" .Values.standIn.enabled)) }}
{{- with $proxy.httpProxy }}
- name: HTTP_PROXY
  value: {{ . | quote }}
{{- end }}
{{- with $proxy.httpsProxy }}
- name: HTTPS_PROXY
  value: {{ . | quote }}
{{- end }}
{{- with $past }}
- name: NO_PROXY
  value: {{ join "," . | quote }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* How the pods are replaced. Both numbers are always written out: by server-side apply only what was applied can be
taken back, and Recreate allows none of them. */}}
{{- define "adobe-ims-operator.strategy" -}}
{{- $type := default (ternary "RollingUpdate" "Recreate" .Values.leaderElection.enabled) .Values.strategy.type -}}
type: {{ $type }}
{{- if eq $type "RollingUpdate" }}
{{- $numbers := dict "maxSurge" 1 "maxUnavailable" 0 }}
{{- if .Values.hostNetwork }}
{{- /* The new pod may find no node whose ports are free. */}}
{{- $numbers = dict "maxSurge" 0 "maxUnavailable" 1 }}
{{- end }}
{{- with .Values.strategy.rollingUpdate }}
{{- $numbers = dict "maxSurge" "25%" "maxUnavailable" "25%" }}
{{- range $field, $number := . }}{{ $_ := set $numbers $field $number }}{{ end }}
{{- end }}
rollingUpdate:
  {{- toYaml $numbers | nindent 2 }}
{{- end }}
{{- end }}

{{/* Where pods go: replicas apart, so that a node that dies takes one, but on one node where there is no other. */}}
{{- define "adobe-ims-operator.affinity" -}}
{{- if .Values.affinity }}
{{- toYaml .Values.affinity }}
{{- else if gt (int .Values.replicaCount) 1 }}
podAntiAffinity:
  preferredDuringSchedulingIgnoredDuringExecution:
    - weight: 100
      podAffinityTerm:
        topologyKey: kubernetes.io/hostname
        labelSelector:
          matchLabels:
            {{- include "adobe-ims-operator.selectorLabels" (list "operator" .) | nindent 12 }}
{{- end }}
{{- end }}

{{/* The source of the volume with the authority to trust, or nothing. */}}
{{- define "adobe-ims-operator.caVolume" -}}
{{- with .Values.caBundle }}
{{- $items := list (dict "key" .key "path" "ca.crt") }}
{{- if .pem }}
{{- dict "configMap" (dict "name" (printf "%s-ca" (include "adobe-ims-operator.fullname" $))) | toYaml }}
{{- else if .configMapName }}
{{- dict "configMap" (dict "name" .configMapName "items" $items) | toYaml }}
{{- else if .secretName }}
{{- dict "secret" (dict "secretName" .secretName "items" $items) | toYaml }}
{{- end }}
{{- end }}
{{- end }}
