{{- define "mortar.labels" -}}
app.kubernetes.io/name: mortar
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "mortar.selector" -}}
app.kubernetes.io/name: mortar
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "mortar.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "mortar.pullSecrets" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}

{{- /* A sidecar needs nothing but its socket and the API. */ -}}
{{- define "mortar.confined" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: ["ALL"]
{{- end }}

{{- /* The server's configuration file. */ -}}
{{- define "mortar.settings" -}}
listen = "0.0.0.0:8080"
store = "/var/lib/mortar/mortar.redb"
admin-key-file = "/etc/mortar-keys/admin.key"
user-key-file = "/etc/mortar-keys/user.key"
executor = {{ .Values.server.executor | quote }}
{{- if eq .Values.server.executor "kubernetes" }}
kubernetes-namespace = {{ .Release.Namespace | quote }}
kubernetes-selector = "glusterfs-node=pod"
kubernetes-match = "node"
kubernetes-container = "glusterfs"
# A container's own /etc/fstab goes with it.
fstab = "/var/lib/mortar/fstab"
{{- end }}
{{- range $key, $value := .Values.server.settings }}
{{ $key }} = {{ $value | toJson }}
{{- end }}
{{- end }}
