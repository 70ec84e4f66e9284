{{/* Refuses values that contradict each other; what a single value may be is in values.schema.json. */}}
{{- define "adobe-ims-operator.checks" -}}
{{- with .Values }}
{{- if and (gt (int .replicaCount) 1) (not .leaderElection.enabled) }}
{{- fail (printf "replicaCount is %d, and without leader election each replica would rotate every token: set leaderElection.enabled=true" (int .replicaCount)) }}
{{- end }}
{{- if and .strategy (not .leaderElection.enabled) (ne (toString .strategy.type) "Recreate") }}
{{- fail "without leader election two pods at once would rotate every token: set strategy.type=Recreate, or leave strategy empty" }}
{{- end }}
{{- range $value, $variable := dict "httpProxy" "HTTP_PROXY" "httpsProxy" "HTTPS_PROXY" }}
{{- if contains "@" (index $.Values.proxy $value) }}
{{- fail (printf "proxy.%s holds a password, which everybody who may read the Deployment would see: set %s by extraEnv, from a Secret" $value $variable) }}
{{- end }}
{{- end }}
{{- range $value, $variable := dict "httpProxy" "HTTP_PROXY" "httpsProxy" "HTTPS_PROXY" "noProxy" "NO_PROXY" }}
{{- range $.Values.extraEnv }}
{{- if and (eq (upper (toString .name)) $variable) (or (index $.Values.proxy $value) (and $.Values.standIn.enabled (eq $variable "NO_PROXY"))) }}
{{- fail (printf "extraEnv has %s, which the chart sets too: set proxy.%s, and leave it out of extraEnv" .name $value) }}
{{- end }}
{{- end }}
{{- end }}
{{- if gt (len (compact (list .caBundle.pem .caBundle.configMapName .caBundle.secretName))) 1 }}
{{- fail "the authority for IMS is given more than once: set one of caBundle.pem, caBundle.configMapName and caBundle.secretName" }}
{{- end }}
{{- if and .standIn.enabled .endpoints }}
{{- fail "standIn.enabled makes the stand-in the only endpoint: leave endpoints empty, or set standIn.enabled=false" }}
{{- end }}
{{- range .endpoints }}
{{- if and (hasPrefix "http://" .) (not $.Values.allowHttpEndpoint) }}
{{- fail (printf "the endpoint %s would get client secrets in the clear: write https, or set allowHttpEndpoint=true for a test" .) }}
{{- end }}
{{- end }}
{{- with .clientSecrets.consoleEndpoint }}
{{- if $.Values.standIn.enabled }}
{{- fail "standIn.enabled makes the stand-in the console API too: leave clientSecrets.consoleEndpoint empty, or set standIn.enabled=false" }}
{{- end }}
{{- if and (hasPrefix "http://" .) (not $.Values.allowHttpEndpoint) }}
{{- fail (printf "the console API %s would get tokens in the clear that can replace client secrets: write https, or set allowHttpEndpoint=true for a test" .) }}
{{- end }}
{{- end }}
{{- range .rbac.namespaces }}
{{- if not (has . $.Values.watchNamespaces) }}
{{- fail (printf "rbac.namespaces has %s, which is not watched: add it to watchNamespaces, or take it out" .) }}
{{- end }}
{{- end }}
{{- if not (or .serviceAccount.create .serviceAccount.name) }}
{{- fail "serviceAccount.create=false needs serviceAccount.name, the account to use" }}
{{- end }}
{{- if and .podDisruptionBudget.enabled (ne .podDisruptionBudget.minAvailable nil) (ne .podDisruptionBudget.maxUnavailable nil) }}
{{- fail "set podDisruptionBudget.minAvailable or podDisruptionBudget.maxUnavailable, not both" }}
{{- end }}
{{- if and .metrics.serviceMonitor.enabled .metrics.podMonitor.enabled }}
{{- fail "metrics.serviceMonitor and metrics.podMonitor would scrape the same twice: enable one of them" }}
{{- end }}
{{- if and .metrics.serviceMonitor.enabled (not .metrics.service.enabled) }}
{{- fail "metrics.serviceMonitor.enabled needs metrics.service.enabled=true; without a Service, take metrics.podMonitor" }}
{{- end }}
{{- range $name := list "serviceMonitor" "podMonitor" "prometheusRule" }}
{{- if and (index $.Values.metrics $name).enabled (not $.Values.metrics.enabled) }}
{{- fail (printf "metrics.%s.enabled needs metrics.enabled=true" $name) }}
{{- end }}
{{- end }}
{{- if and .metrics.auth.enabled (not .metrics.tls.secretName) }}
{{- fail "metrics.auth.enabled without TLS would have tokens sent in the clear: set metrics.tls.secretName" }}
{{- end }}
{{- if and .metrics.serviceMonitor.authorization .metrics.serviceMonitor.bearerTokenFile }}
{{- fail "metrics.serviceMonitor has two tokens: set authorization or bearerTokenFile, not both" }}
{{- end }}
{{- $registry := default .image.registry (default dict .global).imageRegistry }}
{{- if $registry }}
{{- range $value, $image := dict "image" $.Values.image "standIn.image" $.Values.standIn.image }}
{{- if regexMatch "^([^/]*[.:][^/]*|localhost)/" $image.repository }}
{{- fail (printf "%s.repository %s has a registry of its own, and %s would stand before it: leave the host out of the repository, or set no registry" $value $image.repository $registry) }}
{{- end }}
{{- end }}
{{- end }}
{{- if and .metrics.enabled (eq (int .metrics.port) (int .healthPort)) }}
{{- fail (printf "metrics.port and healthPort are both %d: choose two" (int .healthPort)) }}
{{- end }}
{{- end }}
{{- end }}
