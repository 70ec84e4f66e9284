{{/* What the operator may do to what it watches: exactly what it uses. */}}
{{- define "adobe-ims-operator.rules" -}}
# get looks up who has a Secret that is to be taken over, also where that credential is not watched.
- apiGroups: [adobe-ims.dev]
  resources: [adobeimscredentials]
  verbs: [get, list, watch]
- apiGroups: [adobe-ims.dev]
  resources: [adobeimscredentials/status]
  verbs: [patch]
# get reads client Secrets; list and watch are asked for metadata only, without any Secret's data.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- end }}

{{/* What spec.restart needs. */}}
{{- define "adobe-ims-operator.restartRules" -}}
# get looks again at a workload that was not there, or whose pods wait for somebody to replace them.
- apiGroups: [apps]
  resources: [deployments, statefulsets, daemonsets]
  verbs: [get, patch]
- apiGroups: [argoproj.io]
  resources: [rollouts]
  verbs: [get, patch]
{{- end }}

{{/* What AdobeIMSClientSecrets need beside it; the Secrets that they keep are among those above. */}}
{{- define "adobe-ims-operator.clientSecretRules" -}}
- apiGroups: [adobe-ims.dev]
  resources: [adobeimsclientsecrets]
  verbs: [get, list, watch]
- apiGroups: [adobe-ims.dev]
  resources: [adobeimsclientsecrets/status]
  verbs: [patch]
{{- end }}

{{/* A role and its binding, in all namespaces or in those that are watched. Takes (list suffix template context). */}}
{{- define "adobe-ims-operator.grant" -}}
{{- $context := last . }}
{{- $name := printf "%s%s" (include "adobe-ims-operator.fullname" $context) (first .) }}
{{- $rules := include (index . 1) $context }}
{{- $namespaces := $context.Values.watchNamespaces }}
{{- range $namespace := default (default (list "") $namespaces) $context.Values.rbac.namespaces }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ empty $namespaces | ternary "ClusterRole" "Role" }}
metadata:
  name: {{ $name }}
  {{- with $namespace }}
  namespace: {{ . }}
  {{- end }}
  labels:
    {{- include "adobe-ims-operator.labels" (list "operator" $context) | nindent 4 }}
rules:
  {{- $rules | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ empty $namespaces | ternary "ClusterRoleBinding" "RoleBinding" }}
metadata:
  name: {{ $name }}
  {{- with $namespace }}
  namespace: {{ . }}
  {{- end }}
  labels:
    {{- include "adobe-ims-operator.labels" (list "operator" $context) | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ empty $namespaces | ternary "ClusterRole" "Role" }}
  name: {{ $name }}
subjects:
  {{- include "adobe-ims-operator.subject" $context | nindent 2 }}
{{- end }}
{{- end }}

{{- define "adobe-ims-operator.subject" -}}
- kind: ServiceAccount
  name: {{ include "adobe-ims-operator.serviceAccountName" . }}
  namespace: {{ .Release.Namespace }}
{{- end }}
