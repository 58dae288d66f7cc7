// Package deploy checks what deploy/ ships: the chart renders, the manifests that are checked in are what it renders,
// every object is one that Kubernetes takes, and every metric that a rule or a panel names is one that Mortar exports.
package deploy

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	storagev1 "k8s.io/api/storage/v1"
	serializer "k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"
)

var write = flag.Bool("write", false, "write the manifests instead of comparing them")

const (
	root      = "../.."
	chart     = root + "/deploy/chart/mortar"
	manifests = root + "/deploy/manifests"
	// What the manifests are rendered for.
	namespace   = "mortar-storage"
	kubeVersion = "1.36.0"
)

// Each file of manifests with the settings that it is made with.
var rendered = map[string][]string{
	"mortar.yaml":     nil,
	"mortar-ssh.yaml": {"--set", "glusterfs.enabled=false,server.executor=ssh,server.settings.ssh-key=/keys/id"},
}

func helm(t *testing.T, arguments ...string) []byte {
	t.Helper()
	base := []string{"tool", "helm", "template", "mortar", chart, "--namespace", namespace, "--kube-version", kubeVersion}
	command := exec.Command("go", append(base, arguments...)...)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	output, err := command.Output()
	if err != nil {
		t.Fatalf("helm template %v: %v\n%s", arguments, err, stderr.String())
	}
	return output
}

func TestManifestsAreFresh(t *testing.T) {
	for name, arguments := range rendered {
		path := filepath.Join(manifests, name)
		fresh := append([]byte("# Made from deploy/chart/mortar by `make manifests`; change that.\n"), helm(t, arguments...)...)
		if *write {
			if err := os.WriteFile(path, fresh, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		kept, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(kept, fresh) {
			t.Errorf("%s is not what the chart renders: run `make manifests`", path)
		}
	}
}

// documents splits a rendering into its objects.
func documents(t *testing.T, rendering []byte) []string {
	t.Helper()
	var found []string
	for _, document := range regexp.MustCompile(`(?m)^---$`).Split(string(rendering), -1) {
		var object map[string]any
		if err := yaml.UnmarshalStrict([]byte(document), &object); err != nil {
			t.Fatalf("%v\n%s", err, document)
		}
		if len(object) > 0 {
			found = append(found, document)
		}
	}
	return found
}

// Objects of these kinds come from others' CRDs: their fields are checked as far as the chart uses them.
type meta struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name      string            `json:"name"`
		Namespace string            `json:"namespace,omitempty"`
		Labels    map[string]string `json:"labels"`
	} `json:"metadata"`
}

type volumeSnapshotClass struct {
	meta           `json:",inline"`
	Driver         string `json:"driver"`
	DeletionPolicy string `json:"deletionPolicy"`
}

type serviceMonitor struct {
	meta `json:",inline"`
	Spec struct {
		Selector struct {
			MatchLabels map[string]string `json:"matchLabels"`
		} `json:"selector"`
		Endpoints []struct {
			Port     string `json:"port"`
			Path     string `json:"path"`
			Interval string `json:"interval"`
		} `json:"endpoints"`
	} `json:"spec"`
}

type prometheusRule struct {
	meta `json:",inline"`
	Spec struct {
		Groups []struct {
			Name  string `json:"name"`
			Rules []struct {
				Alert       string            `json:"alert"`
				Expr        string            `json:"expr"`
				For         string            `json:"for,omitempty"`
				Labels      map[string]string `json:"labels"`
				Annotations map[string]string `json:"annotations"`
			} `json:"rules"`
		} `json:"groups"`
	} `json:"spec"`
}

// decode reads an object as Kubernetes would, and fails on a field that it does not know.
func decode(document string) (any, error) {
	var head meta
	if err := yaml.Unmarshal([]byte(document), &head); err != nil {
		return nil, err
	}
	custom := map[string]any{
		"snapshot.storage.k8s.io/v1 VolumeSnapshotClass": &volumeSnapshotClass{},
		// It has the same fields.
		"groupsnapshot.storage.k8s.io/v1 VolumeGroupSnapshotClass": &volumeSnapshotClass{},
		"monitoring.coreos.com/v1 ServiceMonitor":                  &serviceMonitor{},
		"monitoring.coreos.com/v1 PrometheusRule":                  &prometheusRule{},
	}
	if object, ok := custom[head.APIVersion+" "+head.Kind]; ok {
		return object, yaml.UnmarshalStrict([]byte(document), object)
	}
	strict := serializer.NewSerializerWithOptions(serializer.DefaultMetaFactory, scheme.Scheme, scheme.Scheme,
		serializer.SerializerOptions{Yaml: true, Strict: true})
	object, _, err := strict.Decode([]byte(document), nil, nil)
	return object, err
}

// Renderings with switches the other way round, so that every branch of the chart is seen.
var variants = [][]string{
	nil,
	rendered["mortar-ssh.yaml"],
	{"--set", "csi.enabled=false,monitoring.enabled=false,networkPolicy.enabled=false,namespace.create=false"},
	{"--set", "server.store.kind=hostPath,server.adminKey=a,server.userKey=b,csi.snapshots=false,csi.healthMonitor=false,csi.node.zone=2"},
	{"--set", "csi.groupSnapshots=false"},
	{"--set", "csi.attach=true"},
	{"--set", "imagePullSecrets={one},storageClasses[0].name=x,storageClasses[0].default=true,storageClasses[0].parameters.volumetype=none"},
	{"--set", "volumeAttributesClasses[0].name=x,volumeAttributesClasses[0].parameters.volumeoptions=performance.io-cache off"},
	{"--set-json", `server.nodeSelector={"a":"b"},server.tolerations=[{"operator":"Exists"}],server.extraVolumes=[{"name":"k","secret":{"secretName":"k"}}],server.extraVolumeMounts=[{"name":"k","mountPath":"/keys"}],glusterfs.tolerations=[{"operator":"Exists"}],csi.controller.nodeSelector={"a":"b"},csi.controller.tolerations=[{"operator":"Exists"}],csi.node.nodeSelector={"a":"b"},monitoring.labels={"release":"p"},networkPolicy.from=[]`},
}

func TestObjectsAreWhatKubernetesTakes(t *testing.T) {
	for number, arguments := range variants {
		seen := map[string]bool{}
		for _, document := range documents(t, helm(t, arguments...)) {
			object, err := decode(document)
			if err != nil {
				t.Errorf("variant %d: %v\n%s", number, err, document)
				continue
			}
			var head meta
			if err := yaml.Unmarshal([]byte(document), &head); err != nil {
				t.Fatal(err)
			}
			key := head.Kind + " " + head.Metadata.Name
			if seen[key] {
				t.Errorf("variant %d has %s twice", number, key)
			}
			seen[key] = true
			checkObject(t, object)
		}
	}
}

func checkObject(t *testing.T, object any) {
	t.Helper()
	switch object := object.(type) {
	case *appsv1.Deployment:
		checkPod(t, object.Name, object.Spec.Selector.MatchLabels, object.Spec.Template)
	case *appsv1.DaemonSet:
		checkPod(t, object.Name, object.Spec.Selector.MatchLabels, object.Spec.Template)
	case *rbacv1.ClusterRole:
		checkRules(t, object.Name, object.Rules)
	case *rbacv1.Role:
		checkRules(t, object.Name, object.Rules)
	case *prometheusRule:
		for _, group := range object.Spec.Groups {
			for _, rule := range group.Rules {
				checkExpression(t, rule.Alert, rule.Expr)
			}
		}
	}
}

// A pod is selected by its own labels, and mounts only what it has.
func checkPod(t *testing.T, name string, selector map[string]string, pod corev1.PodTemplateSpec) {
	t.Helper()
	for key, value := range selector {
		if pod.Labels[key] != value {
			t.Errorf("%s selects %s=%s, its pods do not have it", name, key, value)
		}
	}
	volumes := map[string]bool{}
	for _, volume := range pod.Spec.Volumes {
		volumes[volume.Name] = false
	}
	for _, container := range pod.Spec.Containers {
		if strings.HasSuffix(container.Image, ":") || strings.Contains(container.Image, "latest") {
			t.Errorf("%s/%s has no version: %q", name, container.Name, container.Image)
		}
		for _, mount := range container.VolumeMounts {
			if _, known := volumes[mount.Name]; !known {
				t.Errorf("%s/%s mounts %s, which its pod does not have", name, container.Name, mount.Name)
			}
			volumes[mount.Name] = true
		}
	}
	for volume, used := range volumes {
		if !used {
			t.Errorf("%s has the volume %s, which nobody mounts", name, volume)
		}
	}
}

// Nobody may do everything, and nobody may read Secrets.
func checkRules(t *testing.T, name string, rules []rbacv1.PolicyRule) {
	t.Helper()
	for _, rule := range rules {
		for _, words := range [][]string{rule.APIGroups, rule.Resources, rule.Verbs} {
			if slices.Contains(words, "*") || slices.Contains(words, "secrets") {
				t.Errorf("%s asks for too much: %v", name, rule)
			}
		}
	}
}

// Kubernetes waits for an attacher where the CSIDriver says so, and the controller answers it only where it was told to: all or nothing.
func TestAttachingIsWholeOrNotThere(t *testing.T) {
	for _, wanted := range []bool{false, true} {
		attachRequired, attacher, told, marks := false, false, false, false
		for _, document := range documents(t, helm(t, "--set", "csi.attach="+strconv.FormatBool(wanted))) {
			object, err := decode(document)
			if err != nil {
				t.Fatal(err)
			}
			switch object := object.(type) {
			case *storagev1.CSIDriver:
				attachRequired = *object.Spec.AttachRequired
			case *appsv1.Deployment:
				for _, container := range object.Spec.Template.Spec.Containers {
					attacher = attacher || container.Name == "attacher"
					told = told || slices.Contains(container.Args, "--attach")
				}
			case *rbacv1.ClusterRole:
				for _, rule := range object.Rules {
					marks = marks || slices.Contains(rule.Resources, "volumeattachments/status")
				}
			}
		}
		if attachRequired != wanted || attacher != wanted || told != wanted || marks != wanted {
			t.Errorf("csi.attach=%v: attachRequired %v, attacher %v, --attach %v, its rights %v", wanted, attachRequired, attacher, told, marks)
		}
	}
}

// A server is started anew when its settings change. No key is in what tells that: everybody who may look at pods reads it, and
// could try keys against it.
func TestSettingsAreHashedWithoutKeys(t *testing.T) {
	hash := func(settings string) string {
		t.Helper()
		for _, document := range documents(t, helm(t, "--set", settings)) {
			object, err := decode(document)
			if err != nil {
				t.Fatal(err)
			}
			if server, ok := object.(*appsv1.Deployment); ok && server.Name == "mortar" {
				return server.Spec.Template.Annotations["checksum/settings"]
			}
		}
		t.Fatal("there is no server")
		return ""
	}
	plain := hash("server.adminKey=one,server.userKey=two")
	if plain == "" || plain != hash("server.adminKey=three,server.userKey=four") {
		t.Error("the keys are in the hash, or there is none")
	}
	if plain == hash("server.adminKey=one,server.userKey=two,server.settings.log=debug") {
		t.Error("the settings are not in the hash")
	}
}

func TestWrongSettingsAreRefused(t *testing.T) {
	for _, wrong := range []string{"server.executor=telnet", "sever.executor=ssh", "csi.controller.replicas=0", "csi.kubeletDir=/var/lib/kubelet/"} {
		command := exec.Command("go", "tool", "helm", "template", "mortar", chart, "--kube-version", kubeVersion, "--set", wrong)
		if output, err := command.CombinedOutput(); err == nil {
			t.Errorf("%s is taken:\n%s", wrong, output)
		}
	}
}

// The check itself: a field that is not known is an error.
func TestUnknownFieldsAreSeen(t *testing.T) {
	for _, wrong := range []string{
		"apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {selektor: {a: b}}\n",
		"apiVersion: apps/v2\nkind: Deployment\nmetadata: {name: a}\n",
		"apiVersion: monitoring.coreos.com/v1\nkind: ServiceMonitor\nmetadata: {name: a}\nspec: {endpoint: []}\n",
	} {
		if _, err := decode(wrong); err == nil {
			t.Errorf("taken: %s", wrong)
		}
	}
}

// exported reads the names of Mortar's metrics from the code that registers them, with what the text format adds.
func exported(t *testing.T) map[string]bool {
	t.Helper()
	kinds := map[string]string{}
	names := map[string]bool{}
	for _, file := range sources(t) {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text := string(source)
		for _, field := range regexp.MustCompile(`(?m)^\s+(?:pub\(crate\) )?(\w+): (?:Family<\w+, )?(Counter|Gauge|Histogram)`).FindAllStringSubmatch(text, -1) {
			kinds[field[1]] = field[2]
		}
		plain := regexp.MustCompile(`register\(\s*"(\w+)",\s*"[^"]*",\s*(?:self|metrics)\.(\w+)`)
		withUnit := regexp.MustCompile(`register_with_unit\(\s*"(\w+)",\s*(?:"[^"]*"|text),\s*Unit::(\w+),\s*(?:self|metrics)\.(\w+)`)
		listed := regexp.MustCompile(`\(\s*"(\w+)",\s*"[^"]*",\s*&self\.(\w+),?\s*\)`)
		for _, found := range append(plain.FindAllStringSubmatch(text, -1), listed.FindAllStringSubmatch(text, -1)...) {
			add(t, names, found[1], kinds[found[2]])
		}
		for _, found := range withUnit.FindAllStringSubmatch(text, -1) {
			add(t, names, found[1]+"_"+strings.ToLower(found[2]), kinds[found[3]])
		}
	}
	if len(names) < 20 {
		t.Fatalf("only %d metrics were found in the code: %v", len(names), names)
	}
	return names
}

// sources are the files that register metrics.
func sources(t *testing.T) []string {
	t.Helper()
	var found []string
	for _, pattern := range []string{"crates/*/src/metrics.rs", "crates/*/src/metrics/*.rs"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, files...)
	}
	return found
}

func add(t *testing.T, names map[string]bool, name, kind string) {
	t.Helper()
	name = "mortar_" + name
	switch kind {
	case "Counter":
		names[name+"_total"] = true
	case "Histogram":
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			names[name+suffix] = true
		}
	case "Gauge":
		names[name] = true
	default:
		t.Fatalf("the kind of %s is not known: %q", name, kind)
	}
}

// checkExpression parses a query and returns the metrics in it.
func checkExpression(t *testing.T, where, expression string) []string {
	t.Helper()
	parsed, err := parser.NewParser(parser.Options{}).ParseExpr(expression)
	if err != nil {
		t.Errorf("%s: %v", where, err)
		return nil
	}
	var names []string
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		if selector, ok := node.(*parser.VectorSelector); ok {
			names = append(names, selector.Name)
		}
		return nil
	})
	return names
}

func TestEveryMetricThatIsNamedExists(t *testing.T) {
	known := exported(t)
	check := func(where, expression string) {
		names := checkExpression(t, where, expression)
		if len(names) == 0 {
			t.Errorf("%s names no metric: %s", where, expression)
		}
		for _, name := range names {
			if !known[name] {
				t.Errorf("%s names %s, which Mortar does not export", where, name)
			}
		}
	}
	count := 0
	for _, rule := range alerts(t) {
		check(rule[0], rule[1])
		count++
	}
	for _, query := range queries(t) {
		check(query[0], query[1])
		count++
	}
	if count < 20 {
		t.Fatalf("only %d queries were found", count)
	}
}

// TestNoAlertOnNotices: what mortar check calls clean must raise nothing.
func TestNoAlertOnNotices(t *testing.T) {
	found := 0
	for _, rule := range alerts(t) {
		parsed, err := parser.NewParser(parser.Options{}).ParseExpr(rule[1])
		if err != nil {
			t.Fatalf("%s: %v", rule[0], err)
		}
		parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
			selector, ok := node.(*parser.VectorSelector)
			if !ok || selector.Name != "mortar_check_findings" {
				return nil
			}
			found++
			for _, matcher := range selector.LabelMatchers {
				if matcher.Name == "severity" && !matcher.Matches("notice") && matcher.Matches("warning") && matcher.Matches("error") {
					return nil
				}
			}
			t.Errorf("%s counts notices, or not all that is worse: %s", rule[0], rule[1])
			return nil
		})
	}
	if found == 0 {
		t.Error("no alert is about what a check finds")
	}
}

// alerts are the rules of the chart, each with its name.
func alerts(t *testing.T) [][2]string {
	t.Helper()
	text, err := os.ReadFile(chart + "/files/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var rules prometheusRule
	if err := yaml.Unmarshal(text, &rules.Spec); err != nil {
		t.Fatal(err)
	}
	var found [][2]string
	for _, group := range rules.Spec.Groups {
		for _, rule := range group.Rules {
			found = append(found, [2]string{rule.Alert, rule.Expr})
		}
	}
	return found
}

// queries are the dashboard's, each with its panel's title.
func queries(t *testing.T) [][2]string {
	t.Helper()
	text, err := os.ReadFile(chart + "/files/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	var found [][2]string
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			found = append(found, [2]string{fmt.Sprintf("panel %q", panel.Title), target.Expr})
		}
	}
	return found
}
