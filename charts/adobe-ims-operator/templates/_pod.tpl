{{/* The settings of the operator's container: flags, and the variables that programs take a proxy from. */}}
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
{{- if .Values.allowManagementScopes }}
- --allow-management-scopes
{{- end }}
{{- if .Values.clientSecrets.enabled }}
- --client-secrets
{{- with include "adobe-ims-operator.consoleEndpoint" . }}
- --console-endpoint={{ . }}
{{- end }}
{{- end }}
{{- range .Values.forbid }}
- {{ printf "--forbid=%s" . | quote }}
{{- end }}
- --concurrency={{ .Values.concurrency }}
- --ims-qps={{ .Values.imsQps }}
{{- with .Values.maxCredentialsPerNamespace }}
- --max-credentials-per-namespace={{ . }}
{{- end }}
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

{{/* The spec of a pod that runs what the operator's image has. Takes (list command context): `run` is the operator, `check` is
what `helm test` runs as the operator would run. */}}
{{- define "adobe-ims-operator.podSpec" -}}
{{- $check := eq (first .) "check" }}
{{- with last . }}
{{- $values := .Values }}
{{- if $check }}
restartPolicy: Never
{{- end }}
serviceAccountName: {{ include "adobe-ims-operator.serviceAccountName" . }}
automountServiceAccountToken: true
# A Service of the release's name would set variables such as ADOBE_IMS_OPERATOR_METRICS_PORT, which are flags.
enableServiceLinks: false
terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
{{- with include "adobe-ims-operator.imagePullSecrets" . }}
{{- trim . | nindent 0 }}
{{- end }}
{{- with .Values.podSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.runtimeClassName }}
runtimeClassName: {{ . }}
{{- end }}
{{- if kindIs "bool" .Values.hostUsers }}
hostUsers: {{ .Values.hostUsers }}
{{- end }}
{{- with .Values.hostAliases }}
hostAliases:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if .Values.hostNetwork }}
hostNetwork: true
{{- end }}
{{- with .Values.dnsPolicy }}
dnsPolicy: {{ . }}
{{- end }}
{{- with .Values.dnsConfig }}
dnsConfig:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.initContainers }}
initContainers:
  {{- toYaml . | nindent 2 }}
{{- end }}
containers:
  - name: {{ ternary "check" "operator" $check }}
    image: {{ include "adobe-ims-operator.image" (list .Values.image .) | quote }}
    imagePullPolicy: {{ .Values.image.pullPolicy }}
    args:
      {{- if $check }}
      # The flags of `run` follow, so that it looks at the world as the operator does.
      - check
      - "--"
      {{- include "adobe-ims-operator.args" . | trimPrefix "- run" | nindent 6 }}
      {{- else }}
      {{- include "adobe-ims-operator.args" . | nindent 6 }}
      {{- end }}
    {{- with include "adobe-ims-operator.env" . }}
    env:
      {{- . | trim | nindent 6 }}
    {{- end }}
    {{- if not $check }}
    ports:
      - name: health
        containerPort: {{ .Values.healthPort }}
      {{- if .Values.metrics.enabled }}
      - name: metrics
        containerPort: {{ .Values.metrics.port }}
      {{- end }}
    {{- range $probe := list "startupProbe" "livenessProbe" "readinessProbe" }}
    {{- with index $values $probe }}
    {{ $probe }}:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- end }}
    {{- end }}
    {{- with .Values.resources }}
    resources:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- with .Values.securityContext }}
    securityContext:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- $ca := include "adobe-ims-operator.caVolume" . }}
    {{- $tls := ternary .Values.metrics.tls.secretName "" .Values.metrics.enabled }}
    {{- if or $ca $tls .Values.extraVolumeMounts }}
    volumeMounts:
      {{- if $tls }}
      - name: metrics-tls
        mountPath: /etc/adobe-ims-operator/metrics-tls
        readOnly: true
      {{- end }}
      {{- if $ca }}
      - name: ca
        mountPath: /etc/adobe-ims-operator/ca
        readOnly: true
      {{- end }}
      {{- with .Values.extraVolumeMounts }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
    {{- end }}
  {{- if not $check }}
  {{- /* A container that never ends would keep the test from its end; an init container of restartPolicy Always ends. */}}
  {{- with .Values.extraContainers }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- end }}
{{- if or $ca $tls .Values.extraVolumes }}
volumes:
  {{- with $tls }}
  - name: metrics-tls
    secret:
      secretName: {{ . }}
  {{- end }}
  {{- with $ca }}
  - name: ca
    {{- . | nindent 4 }}
  {{- end }}
  {{- with .Values.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- with include "adobe-ims-operator.affinity" . }}
affinity:
  {{- . | trim | nindent 2 }}
{{- end }}
{{- range $field := list "nodeSelector" "tolerations" "topologySpreadConstraints" }}
{{- with index $values $field }}
{{ $field }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
