{{/* Names and labels. */}}
{{- define "eldrd.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "eldrd.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains (include "eldrd.name" .) .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "eldrd.name" .) | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "eldrd.selector" -}}
app.kubernetes.io/name: {{ include "eldrd.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "eldrd.labels" -}}
{{ include "eldrd.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The metadata of an object; the argument is a list of the context and the end of its name. */}}
{{- define "eldrd.metadata" -}}
{{- $ := index . 0 -}}
name: {{ include "eldrd.fullname" $ }}{{ index . 1 }}
labels:
  {{- include "eldrd.labels" $ | nindent 2 }}
{{- with $.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "eldrd.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "eldrd.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* "true" if the daemon finds decode nodes over the API server. */}}
{{- define "eldrd.watchesPods" -}}
{{- $kubernetes := dig "discovery" "kubernetes" dict .Values.config -}}
{{- if or $kubernetes.selector $kubernetes.inference_pool -}}true{{- end -}}
{{- end -}}

{{- define "eldrd.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{/* On the loopback there is no gRPC port that others could reach. */}}
{{- define "eldrd.servicePorts" -}}
{{- if eq .Values.listen "all" -}}
# h2c tells gateways and meshes that this is HTTP/2; with TLS they pass it on as it is.
- name: grpc
  port: {{ .Values.service.grpcPort }}
  targetPort: grpc
  {{- if not .Values.tls.secretName }}
  appProtocol: kubernetes.io/h2c
  {{- end }}
{{ end -}}
- {name: http, port: {{ .Values.service.httpPort }}, targetPort: http}
{{- with .Values.service.extraPorts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The seconds of a duration such as 1m30s, as a number with a fraction. */}}
{{- define "eldrd.seconds" -}}
{{- $units := dict "ns" 1e-9 "us" 1e-6 "ms" 1e-3 "s" 1.0 "m" 60.0 "h" 3600.0 -}}
{{- $sum := 0.0 -}}
{{- range regexFindAll "[0-9.]+(ns|us|ms|s|m|h)" (toString .) -1 -}}
{{- $unit := regexFind "[a-z]+$" . -}}
{{- $sum = addf $sum (mulf (float64 (trimSuffix $unit .)) (get $units $unit)) -}}
{{- end -}}
{{- $sum -}}
{{- end -}}

{{/* How long the pod may take to end: what the daemon takes, and a margin to write its state. */}}
{{- define "eldrd.graceSeconds" -}}
{{- $delay := include "eldrd.seconds" (default "5s" .Values.config.shutdown_delay) | float64 -}}
{{- $drain := include "eldrd.seconds" (default "30s" .Values.config.drain_timeout) | float64 -}}
{{- addf (ceil (addf $delay $drain)) .Values.terminationMarginSeconds | int -}}
{{- end -}}

{{- define "eldrd.plaintextGuard" -}}
{{- if not (or .Values.tls.secretName .Values.networkPolicy.enabled .Values.allowPlaintext) -}}
{{- fail "neither tls.secretName nor networkPolicy.enabled is set, so anybody in the cluster could place, drain and remove; set one of them, or allowPlaintext if something else guards the way" -}}
{{- end -}}
{{- if and .Values.tls.http (not .Values.tls.secretName) -}}
{{- fail "tls.http is true without tls.secretName; expected the secret of a certificate" -}}
{{- end -}}
{{- if and .Values.tls.clientCaKey (not .Values.tls.secretName) -}}
{{- fail "tls.clientCaKey is set without tls.secretName; expected the secret that holds it" -}}
{{- end -}}
{{- if and (eq .Values.listen "loopback") (not .Values.extraContainers) -}}
{{- fail "listen is loopback without extraContainers, so nobody could reach the daemon; expected the container that asks it" -}}
{{- end -}}
{{- range $role, $names := .Values.auth.certificates -}}
{{- if and $names (not $.Values.tls.clientCaKey) -}}
{{- fail (printf "auth.certificates.%s is set without tls.clientCaKey; expected the key of the authorities that sign client certificates" $role) -}}
{{- end -}}
{{- end -}}
{{- end -}}
