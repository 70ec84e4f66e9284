{{/* The alerts that are enabled. docs/runbooks/alerts.md has a section for each. */}}
{{- define "adobe-ims-operator.alerts" -}}
{{- $pods := printf "pod=~\"%s-[a-z0-9]+-[a-z0-9]+\"" (include "adobe-ims-operator.fullname" .) }}
{{- $alerts := .Values.metrics.prometheusRule.alerts }}
{{- $suspended := printf "unless max by (namespace, name) (adobe_ims_credential_suspended{%s}) == 1" $pods }}
{{- $expiry := printf "max by (namespace, name) (adobe_ims_credential_expiration_timestamp_seconds{%s})" $pods }}
{{- $failing := printf "max by (namespace, name) (adobe_ims_credential_rotation_failing{%s}) == 1" $pods }}
{{- $next := printf "max by (namespace, name) (adobe_ims_credential_next_rotation_timestamp_seconds{%s})" $pods }}
{{- $leader := printf "adobe_ims_operator_leader{namespace=%q, %s}" .Release.Namespace $pods }}
{{- /* The query is for the reason only. As a label, each change of the reason would start another alert. */}}
{{- $why := `{{ with printf "adobe_ims_credential_failing_reason{namespace=%q,name=%q}" $labels.namespace $labels.name | query }} The reason is {{ . | first | label "reason" }}.{{ end }}` }}
{{- $credential := "AdobeIMSCredential {{ $labels.namespace }}/{{ $labels.name }}" }}
{{- $get := "kubectl -n {{ $labels.namespace }} get imscred {{ $labels.name }}" }}
{{- $describe := "kubectl -n {{ $labels.namespace }} describe imscred {{ $labels.name }}" }}
{{- /* A token of an earlier spec is still good, and a suspended credential is left to expire on purpose. */}}
{{- $expr := printf "(max by (namespace, name) (adobe_ims_credential_token_valid{%s}) == 0\nor %s < time())\n%s" $pods $expiry $suspended }}
{{- $text := printf "Applications that use its Secret are refused by Adobe's APIs.%s See why: %s -o wide" $why $get }}
{{- include "adobe-ims-operator.alert" (list "credentialWithoutToken" $expr (printf "%s has no valid token" $credential) $text .) }}
{{- /* Some tokens are replaced as late as that: it fires only where the replacement fails, or does not come. */}}
{{- $expr = printf "(0 < %s - time() < %d)\nand (%s\nor %s < time() - 300)\n%s" $expiry (int $alerts.tokenExpiresSoon.withinSeconds) $failing $next $suspended }}
{{- $text = printf "It expires in {{ $value | humanizeDuration }}, and no other came; applications are refused by Adobe's APIs then.%s See why: %s -o wide" $why $get }}
{{- include "adobe-ims-operator.alert" (list "tokenExpiresSoon" $expr (printf "The token of %s expires soon" $credential) $text .) }}
{{- $text = printf "The present token stays until it expires.%s See why: %s" $why $describe }}
{{- include "adobe-ims-operator.alert" (list "rotationFailing" $failing (printf "The token of %s cannot be rotated" $credential) $text .) }}
{{- $expr = printf "max by (namespace, name) (adobe_ims_credential_restart_failing{%s}) == 1" $pods }}
{{- $text = printf "They run on with the token of before, which expires. See why: %s" $describe }}
{{- include "adobe-ims-operator.alert" (list "restartFailing" $expr (printf "Workloads that use the token of %s were not rolled" $credential) $text .) }}
{{- $expr = printf "max by (namespace, name) (adobe_ims_credential_fallback_client_secret{%s}) == 1" $pods }}
{{- $text = printf "The first one of spec.client.secretKeys is gone or IMS does not accept it. See which is used: %s -o jsonpath={.status.clientSecretKey}" $get }}
{{- include "adobe-ims-operator.alert" (list "fallbackClientSecret" $expr (printf "%s uses another client secret than its first" $credential) $text .) }}
{{- $expr = printf "sum(%s) == 0 or absent(%s)" $leader $leader }}
{{- $text = printf "No token is rotated. See why: kubectl -n %s logs deployment/%s" .Release.Namespace (include "adobe-ims-operator.fullname" .) }}
{{- include "adobe-ims-operator.alert" (list "operatorNoLeader" $expr (printf "No replica of adobe-ims-operator in %s is at work" .Release.Namespace) $text .) }}
{{- end }}

{{/* One alert, unless it is disabled. Takes (list value expr summary description context). */}}
{{- define "adobe-ims-operator.alert" -}}
{{- $rule := (last .).Values.metrics.prometheusRule }}
{{- $alert := index $rule.alerts (first .) }}
{{- $name := printf "AdobeIMS%s%s" (first . | trunc 1 | upper) (first . | trunc 256 | substr 1 256) }}
{{- if $alert.enabled }}
- alert: {{ $name }}
  expr: |-
    {{- index . 1 | nindent 4 }}
  for: {{ $alert.for }}
  labels:
    {{- merge (dict "severity" $alert.severity) $alert.labels $rule.alertLabels | toYaml | nindent 4 }}
  annotations:
    summary: {{ index . 2 | toJson }}
    description: {{ index . 3 | toJson }}
    {{- with $rule.runbookUrl }}
    runbook_url: {{ printf "%s#%s" . (lower $name) }}
    {{- end }}
{{- end }}
{{- end }}
