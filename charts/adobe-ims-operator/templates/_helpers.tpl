{{/* Names. */}}
{{- define "adobe-ims-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* Room is left for the longest suffix, as names of Services have 63 characters at most. */}}
{{- define "adobe-ims-operator.fullname" -}}
{{- $name := include "adobe-ims-operator.name" . }}
{{- $usual := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) }}
{{- default $usual .Values.fullnameOverride | trunc 45 | trimSuffix "-" }}
{{- end }}

{{- define "adobe-ims-operator.serviceAccountName" -}}
{{- default (include "adobe-ims-operator.fullname" .) .Values.serviceAccount.name }}
{{- end }}

{{- define "adobe-ims-operator.standInName" -}}
{{ include "adobe-ims-operator.fullname" . }}-stand-in
{{- end }}

{{/* An image, by its digest where there is one. Takes (list values context). */}}
{{- define "adobe-ims-operator.image" -}}
{{- $ := last . }}
{{- $registry := default $.Values.image.registry (default dict $.Values.global).imageRegistry }}
{{- with first . }}
{{- with $registry }}{{ . }}/{{ end }}{{ .repository }}
{{- if or .tag (not .digest) }}:{{ default $.Chart.AppVersion .tag }}{{ end }}
{{- with .digest }}@{{ . }}{{ end }}
{{- end }}
{{- end }}

{{/* What all images are pulled with; charts around this one write names or objects. */}}
{{- define "adobe-ims-operator.imagePullSecrets" -}}
{{- $all := .Values.imagePullSecrets }}
{{- range (default dict .Values.global).imagePullSecrets }}
{{- $all = append $all (kindIs "string" . | ternary (dict "name" .) .) }}
{{- end }}
{{- with uniq $all }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Labels that select pods: no value changes them, as a Deployment's selector can't be. Takes (list component context). */}}
{{- define "adobe-ims-operator.selectorLabels" -}}
{{- $context := index . 1 -}}
app.kubernetes.io/name: {{ $context.Chart.Name }}
app.kubernetes.io/instance: {{ $context.Release.Name }}
app.kubernetes.io/component: {{ first . }}
{{- end }}

{{/* Labels of all objects. Takes (list component context), and more labels as a third if there are any. */}}
{{- define "adobe-ims-operator.labels" -}}
{{- $context := index . 1 -}}
{{ include "adobe-ims-operator.selectorLabels" . }}
app.kubernetes.io/version: {{ $context.Chart.AppVersion | quote }}
{{- if eq $context.Values.creator "helm" }}
app.kubernetes.io/managed-by: {{ $context.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $context.Chart.Name $context.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- $more := len . | eq 3 | ternary (last .) (dict) | deepCopy }}
{{ merge $more $context.Values.commonLabels (dict "app.kubernetes.io/part-of" $context.Chart.Name) | toYaml }}
{{- end }}

{{/* Where the stand-in is, as its Service's name and as an endpoint. */}}
{{- define "adobe-ims-operator.standInUrl" -}}
http://{{ include "adobe-ims-operator.standInHost" . }}:{{ .Values.standIn.port }}
{{- end }}

{{- define "adobe-ims-operator.standInHost" -}}
{{ include "adobe-ims-operator.standInName" . }}.{{ .Release.Namespace }}.svc
{{- end }}

{{/* The console API where it is not Adobe's; the stand-in is one too. */}}
{{- define "adobe-ims-operator.consoleEndpoint" -}}
{{- .Values.standIn.enabled | ternary (include "adobe-ims-operator.standInUrl" .) .Values.clientSecrets.consoleEndpoint }}
{{- end }}

{{/* The endpoints that the operator may ask, as a JSON object. */}}
{{- define "adobe-ims-operator.endpoints" -}}
{{- $own := list }}
{{- if .Values.standIn.enabled }}{{ $own = list (include "adobe-ims-operator.standInUrl" .) }}{{ end }}
{{- dict "urls" (concat $own .Values.endpoints) | toJson }}
{{- end }}
