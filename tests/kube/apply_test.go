package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"
)

// warnings keeps what the API server warns of beside its answers.
type warnings struct {
	lock  sync.Mutex
	texts []string
}

// HandleWarningHeader is what client-go calls.
func (w *warnings) HandleWarningHeader(_ int, _, text string) {
	w.lock.Lock()
	defer w.lock.Unlock()
	w.texts = append(w.texts, text)
}

func (w *warnings) take() []string {
	w.lock.Lock()
	defer w.lock.Unlock()
	taken := w.texts
	w.texts = nil
	return taken
}

// documents are the objects of a file of YAML, those of a List one by one.
func documents(t *testing.T, path string) []*unstructured.Unstructured {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var found []*unstructured.Unstructured
	for _, document := range regexp.MustCompile(`(?m)^---\s*$`).Split(string(text), -1) {
		object := map[string]any{}
		if err := yaml.UnmarshalStrict([]byte(document), &object); err != nil {
			t.Fatalf("%s: %v\n%s", path, err, document)
		}
		if len(object) > 0 {
			found = append(found, &unstructured.Unstructured{Object: object})
		}
	}
	if len(found) == 0 {
		t.Fatalf("%s holds no object", path)
	}
	return found
}

// object is one object from its YAML.
func object(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	found := map[string]any{}
	if err := yaml.UnmarshalStrict([]byte(text), &found); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return &unstructured.Unstructured{Object: found}
}

// apply is `kubectl apply --server-side --validate=strict`: the server's object, and what it warned of.
func (c *cluster) apply(wanted *unstructured.Unstructured, dryRun bool) (*unstructured.Unstructured, []string, error) {
	resource, namespaced, err := c.resource(wanted.GroupVersionKind())
	if err != nil {
		// A kind that came a moment ago.
		c.mapper.Reset()
		if resource, namespaced, err = c.resource(wanted.GroupVersionKind()); err != nil {
			return nil, nil, err
		}
	}
	text, err := json.Marshal(wanted)
	if err != nil {
		return nil, nil, err
	}
	force := true
	options := metav1.PatchOptions{FieldManager: "test", FieldValidation: metav1.FieldValidationStrict, Force: &force}
	if dryRun {
		options.DryRun = []string{metav1.DryRunAll}
	}
	namespace := ""
	if namespaced {
		if namespace = wanted.GetNamespace(); namespace == "" {
			namespace = metav1.NamespaceDefault
		}
	}
	c.told.take()
	applied, err := c.dynamic.Resource(resource).Namespace(namespace).
		Patch(context.Background(), wanted.GetName(), types.ApplyPatchType, text, options)
	return applied, c.told.take(), err
}

// mustApply applies what has to be taken without a word.
func mustApply(t *testing.T, wanted *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	applied, warned, err := kube.apply(wanted, false)
	if err != nil || len(warned) > 0 {
		t.Fatalf("%s: %v %q", name(wanted), err, warned)
	}
	return applied
}

func name(object *unstructured.Unstructured) string {
	return fmt.Sprintf("%s %s", object.GetKind(), object.GetName())
}

// module is the folder of a Go module that tests/kube/go.mod names.
func module(t *testing.T, path string) string {
	t.Helper()
	output, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", path).Output()
	if folder := strings.TrimSpace(string(output)); err == nil && folder != "" {
		return folder
	}
	t.Fatalf("the folder of module %s is not known: %v", path, err)
	return ""
}

// The Prometheus operator's CRDs, and the checksum of what is downloaded. It is no dependency of anything here, so go.mod cannot name it.
const (
	operator    = "github.com/prometheus-operator/prometheus-operator@v0.85.0"
	operatorSum = "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s="
)

func operatorModule(t *testing.T) string {
	t.Helper()
	output, err := exec.Command("go", "mod", "download", "-json", operator).Output()
	var answer struct{ Dir, Sum string }
	if err == nil {
		err = json.Unmarshal(output, &answer)
	}
	if err != nil || answer.Sum != operatorSum {
		t.Fatalf("%s was not downloaded as it should be: %v\n%s", operator, err, output)
	}
	return answer.Dir
}

var install sync.Once

// installed puts the CRDs and the manifests into the cluster, once.
func installed(t *testing.T) {
	t.Helper()
	install.Do(func() {
		for _, file := range definitions(t) {
			for _, definition := range documents(t, file) {
				// Written by others: only whether it is taken counts.
				if _, _, err := kube.apply(definition, false); err != nil {
					t.Fatalf("%s: %v", file, err)
				}
				established(t, definition.GetName())
			}
		}
		for _, wanted := range documents(t, manifests+"/mortar.yaml") {
			mustApply(t, wanted)
		}
	})
	if t.Failed() {
		t.FailNow()
	}
}

// definitions are the files of the CRDs that the manifests need.
func definitions(t *testing.T) []string {
	t.Helper()
	snapshots, err := filepath.Glob(module(t, "github.com/kubernetes-csi/external-snapshotter/client/v8") + "/config/crd/*.k8s.io_*.yaml")
	if err != nil || len(snapshots) < 6 {
		t.Fatalf("CRDs of snapshots: %v %v", snapshots, err)
	}
	monitoring := operatorModule(t) + "/example/prometheus-operator-crd/monitoring.coreos.com_"
	return append(snapshots, monitoring+"servicemonitors.yaml", monitoring+"prometheusrules.yaml")
}

// established waits until objects of a new kind can be made.
func established(t *testing.T, name string) {
	t.Helper()
	resource, _, err := kube.resource(definitionKind)
	if err != nil {
		t.Fatal(err)
	}
	until(t, name+" is established", func() error {
		found, err := kube.dynamic.Resource(resource).Get(context.Background(), name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		conditions, _, _ := unstructured.NestedSlice(found.Object, "status", "conditions")
		for _, condition := range conditions {
			if fields, ok := condition.(map[string]any); ok && fields["type"] == "Established" && fields["status"] == "True" {
				return nil
			}
		}
		return fmt.Errorf("conditions: %v", conditions)
	})
}
