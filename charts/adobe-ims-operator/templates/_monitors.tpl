{{/* How a monitor scrapes. Takes (list values context). */}}
{{- define "adobe-ims-operator.scrape" -}}
port: metrics
path: /metrics
# `namespace` is the credential's.
honorLabels: true
{{- $values := first . }}
{{- if (last .).Values.metrics.tls.secretName }}
scheme: https
{{- end }}
{{- range $field := list "interval" "scrapeTimeout" "tlsConfig" "authorization" "bearerTokenFile" "relabelings" "metricRelabelings" }}
{{- with index $values $field }}
{{ $field }}: {{ toJson . }}
{{- end }}
{{- end }}
{{- end }}

{{/* Where a monitor that is elsewhere finds what it scrapes. Takes (list values context). */}}
{{- define "adobe-ims-operator.monitoredNamespace" -}}
{{- with (first .).namespace }}
namespaceSelector:
  matchNames: [{{ (last $).Release.Namespace }}]
{{- end }}
{{- end }}

{{/* Metadata of a monitor or a rule. Takes (list values context). */}}
{{- define "adobe-ims-operator.monitorMetadata" -}}
{{- $context := last . -}}
name: {{ include "adobe-ims-operator.fullname" $context }}
namespace: {{ default $context.Release.Namespace (first .).namespace }}
labels:
  {{- include "adobe-ims-operator.labels" (list "operator" $context (first .).labels) | nindent 2 }}
{{- with (first .).annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
