{{/* How a monitor scrapes. Takes the values of the monitor. */}}
{{- define "adobe-ims-operator.scrape" -}}
port: metrics
path: /metrics
# `namespace` is the credential's.
honorLabels: true
{{- range $field := list "interval" "scrapeTimeout" "relabelings" "metricRelabelings" }}
{{- with index $ $field }}
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
