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
{{- if .Values.clientSecrets.enabled }}
{{- include "adobe-ims-operator.clientSecretAlerts" (list $pods .) }}
{{- end }}
{{- $expr = printf "sum(%s) == 0 or absent(%s)" $leader $leader }}
{{- $text = printf "No token is rotated. See why: kubectl -n %s logs deployment/%s" .Release.Namespace (include "adobe-ims-operator.fullname" .) }}
{{- include "adobe-ims-operator.alert" (list "operatorNoLeader" $expr (printf "No replica of adobe-ims-operator in %s is at work" .Release.Namespace) $text .) }}
{{- end }}

{{/* Those of AdobeIMSClientSecrets. Takes (list pods context), the first of which is a matcher. */}}
{{- define "adobe-ims-operator.clientSecretAlerts" -}}
{{- $pods := first . }}
{{- $ := last . }}
{{- $object := "AdobeIMSClientSecret {{ $labels.namespace }}/{{ $labels.name }}" }}
{{- $get := "See why: kubectl -n {{ $labels.namespace }} get imsclientsecret {{ $labels.name }} -o wide" }}
{{- /* An outage in between takes the place of the reason, and a restart of the operator ends the series: neither is to
       begin a wait of days again. So what was so a while ago still is; that while is shorter than the wait. */}}
{{- $of := "max by (namespace, name) (max_over_time(adobe_ims_client_secret_%s[%s])) == 1" }}
{{- $why := `{{ with printf "adobe_ims_client_secret_failing_reason{namespace=%q,name=%q} == 1" $labels.namespace $labels.name | query }} The reason is {{ . | first | label "reason" }}.{{ end }}` }}
{{- $ready := printf "max by (namespace, name) (adobe_ims_client_secret_ready{%s}) == 0" $pods }}
{{- $told := list }}
{{- range list
  (list "clientSecretLost" "4m" "No client secret of %s works any more" "No token can be had with this client; applications are refused by Adobe's APIs as their tokens expire. Only a person can put a valid one in place.")
  (list "twoClientSecrets" "6h" "%s waits for a person: Adobe has two client secrets" "Adobe keeps two at most, one of them is not ours to delete, and so none is replaced.")
  (list "credentialMismatch" "10m" "%s names a credential with another client id" "Nothing is replaced: spec.organizationId, spec.credentialId and the client in its Secret do not belong together.")
  (list "managementNotPermitted" "10m" "%s may not manage client secrets at Adobe" "Nothing is replaced: the project in the Developer Console lacks the I/O Management API or its scopes.")
  (list "addedClientSecretNotKept" "4m" "A client secret that Adobe gave for %s can't be written" "Only the operator's memory has its value, which is lost when the operator ends. The one in use stays in use. Mend soon what the message names.")
}}
{{- $alert := first . }}
{{- $reason := printf "%s%s" ($alert | trunc 1 | upper) ($alert | trunc 256 | substr 1 256) }}
{{- $told = append $told $reason }}
{{- $expr := printf $of (printf "failing_reason{reason=%q, %s}" $reason $pods) (index . 1) }}
{{- if eq $alert "clientSecretLost" }}
{{- $expr = printf "%s\nand %s" $expr $ready }}
{{- end }}
{{- include "adobe-ims-operator.alert" (list $alert $expr (printf (index . 2) $object) (printf "%s %s" (last .) $get) $) }}
{{- end }}
{{- $expr := printf $of (printf "old_in_use{%s}" $pods) "6h" }}
{{- $text := printf "It is not deleted until nobody does, and the next replacement waits for that. %s" $get }}
{{- include "adobe-ims-operator.alert" (list "oldClientSecretInUse" $expr (printf "Somebody still uses the old client secret of %s" $object) $text $) }}
{{- $within := int $.Values.metrics.prometheusRule.alerts.clientSecretExpiresSoon.withinSeconds }}
{{- $expr = printf "max by (namespace, name) (adobe_ims_client_secret_expiration_timestamp_seconds{%s}) - time() < %d" $pods $within }}
{{- $text = printf "Adobe ends it in {{ $value | humanizeDuration }}, and nobody gets a token with it then.%s %s" $why $get }}
{{- include "adobe-ims-operator.alert" (list "clientSecretExpiresSoon" $expr (printf "The client secret of %s expires soon" $object) $text $) }}
{{- /* Those above say more of the same. */}}
{{- $others := printf $of (printf "failing_reason{reason=~%q, %s}" (join "|" $told) $pods) "6h" }}
{{- $expr = printf "%s\nunless %s" (printf $of (printf "rotation_failing{%s}" $pods) "1h") $others }}
{{- $text = printf "The one in use stays in use.%s %s" $why $get }}
{{- include "adobe-ims-operator.alert" (list "clientSecretFailing" $expr (printf "The client secret of %s cannot be replaced" $object) $text $) }}
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
