package kube

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	authorization "k8s.io/api/authorization/v1"
	rbac "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// A right: a verb on a resource of a group, "resource/subresource" included.
type right struct {
	group, resource, verb string
}

// What each sidecar asks for by the rules that its own release ships.
var sidecarRules = map[string]string{
	"github.com/kubernetes-csi/external-provisioner/v6": "deploy/kubernetes/rbac.yaml",
	"github.com/kubernetes-csi/external-resizer/v2":     "deploy/kubernetes/rbac.yaml",
	"github.com/kubernetes-csi/external-snapshotter/v8": "deploy/kubernetes/csi-snapshotter/rbac-csi-snapshotter.yaml",
}

// What the health monitor's own rules ask for; its module cannot be had from the Go module proxy.
var healthMonitor = []rbac.PolicyRule{{APIGroups: []string{""},
	Resources: []string{"persistentvolumes", "persistentvolumeclaims", "nodes", "pods"}, Verbs: []string{"get", "list", "watch"}}}

// allowed asks the API server whether an account may; "*" as the namespace stands for all.
func allowed(t *testing.T, account string, asked right, namespace string) bool {
	t.Helper()
	resource, sub, _ := strings.Cut(asked.resource, "/")
	if namespace == "*" {
		namespace = metav1.NamespaceAll
	}
	review := &authorization.SubjectAccessReview{Spec: authorization.SubjectAccessReviewSpec{
		User:   "system:serviceaccount:" + ours + ":" + account,
		Groups: []string{"system:serviceaccounts", "system:serviceaccounts:" + ours, "system:authenticated"},
		ResourceAttributes: &authorization.ResourceAttributes{Namespace: namespace, Verb: asked.verb, Group: asked.group,
			Resource: resource, Subresource: sub},
	}}
	answer, err := kube.typed.AuthorizationV1().SubjectAccessReviews().Create(context.Background(), review, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return answer.Status.Allowed
}

// rights are those of some rules, one by one.
func rights(rules []rbac.PolicyRule) []right {
	var found []right
	for _, rule := range rules {
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				for _, verb := range rule.Verbs {
					found = append(found, right{group, resource, verb})
				}
			}
		}
	}
	return found
}

// askedFor are the rights that the sidecars' own releases ask for: in all namespaces, and in the driver's.
func askedFor(t *testing.T) (everywhere, here []right) {
	t.Helper()
	for path, file := range sidecarRules {
		for _, document := range documents(t, filepath.Join(module(t, path), file)) {
			switch document.GetKind() {
			case "ClusterRole":
				everywhere = append(everywhere, rights(rules(t, document.Object))...)
			case "Role":
				here = append(here, rights(rules(t, document.Object))...)
			}
		}
	}
	if len(everywhere) < 40 || len(here) < 10 {
		t.Fatalf("the sidecars ask for %v and %v", everywhere, here)
	}
	return append(everywhere, rights(healthMonitor)...), here
}

func rules(t *testing.T, role map[string]any) []rbac.PolicyRule {
	t.Helper()
	// A Role has its rules in the same place.
	var found rbac.ClusterRole
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(role, &found); err != nil {
		t.Fatal(err)
	}
	return found.Rules
}

// The CSI controller may do what its sidecars' releases ask for, and its roles hold nothing beside that.
func TestSidecarsHaveTheirRightsAndNoMore(t *testing.T) {
	installed(t)
	everywhere, here := askedFor(t)
	for _, asked := range everywhere {
		if !allowed(t, "mortar-csi-controller", asked, "*") {
			t.Errorf("a sidecar may not %s %s.%s", asked.verb, asked.resource, asked.group)
		}
	}
	for _, asked := range here {
		if !allowed(t, "mortar-csi-controller", asked, ours) {
			t.Errorf("a sidecar may not %s %s.%s in its namespace", asked.verb, asked.resource, asked.group)
		}
	}
	role, err := kube.typed.RbacV1().ClusterRoles().Get(context.Background(), "mortar-csi-controller", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, given := range rights(role.Rules) {
		if !slices.Contains(everywhere, given) {
			t.Errorf("no sidecar asks to %s %s.%s", given.verb, given.resource, given.group)
		}
	}
	local, err := kube.typed.RbacV1().Roles(ours).Get(context.Background(), "mortar-csi-controller", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, given := range rights(local.Rules) {
		if !slices.Contains(here, given) {
			t.Errorf("no sidecar asks to %s %s.%s in its namespace", given.verb, given.resource, given.group)
		}
	}
}

func TestTheServerReachesItsPodsOnly(t *testing.T) {
	installed(t)
	for _, needed := range []right{{"", "pods", "get"}, {"", "pods", "list"}, {"", "pods/exec", "get"}, {"", "pods/exec", "create"}} {
		if !allowed(t, "mortar", needed, ours) {
			t.Errorf("the server may not %s %s", needed.verb, needed.resource)
		}
		if allowed(t, "mortar", needed, "*") || allowed(t, "mortar", needed, "kube-system") {
			t.Errorf("the server may %s %s of others", needed.verb, needed.resource)
		}
	}
}

func TestNobodyMayDoWhatIsNotTheirs(t *testing.T) {
	installed(t)
	for _, account := range []string{"mortar", "mortar-csi-controller", "mortar-csi-node", "glusterfs"} {
		for _, wrong := range []right{
			{"", "secrets", "get"}, {"", "secrets", "list"}, {"", "pods", "create"}, {"", "pods", "delete"},
			{"", "persistentvolumeclaims", "delete"}, {"", "persistentvolumeclaims", "create"}, {"", "nodes", "patch"},
			{"", "serviceaccounts/token", "create"}, {"", "serviceaccounts", "impersonate"}, {"apps", "deployments", "patch"},
			{"rbac.authorization.k8s.io", "clusterroles", "escalate"}, {"rbac.authorization.k8s.io", "clusterrolebindings", "create"},
			{"storage.k8s.io", "storageclasses", "create"},
		} {
			if allowed(t, account, wrong, ours) {
				t.Errorf("%s may %s %s.%s", account, wrong.verb, wrong.resource, wrong.group)
			}
		}
	}
	// Who asks no API has no right to anything.
	for _, account := range []string{"mortar-csi-node", "glusterfs"} {
		for _, any := range []right{{"", "pods", "get"}, {"", "persistentvolumes", "get"}, {"", "nodes", "get"}, {"", "pods/exec", "create"}} {
			if allowed(t, account, any, ours) {
				t.Errorf("%s may %s %s", account, any.verb, any.resource)
			}
		}
	}
	if allowed(t, "mortar-csi-controller", right{"", "pods/exec", "create"}, ours) {
		t.Error("the CSI controller may run commands in pods")
	}
}

// The accounts themselves are who they say, by a token as a pod has it, and are refused as told above.
func TestTokensSpeakForTheirAccounts(t *testing.T) {
	installed(t)
	for account, may := range map[string]bool{"mortar-csi-controller": true, "mortar-csi-node": false} {
		client := kube.client(t, ours, account)
		_, err := client.CoreV1().PersistentVolumes().List(context.Background(), metav1.ListOptions{})
		if (err == nil) != may {
			t.Errorf("%s lists volumes: %v", account, err)
		}
		if _, err := client.CoreV1().Secrets(ours).List(context.Background(), metav1.ListOptions{}); err == nil ||
			!strings.Contains(err.Error(), fmt.Sprintf("system:serviceaccount:%s:%s", ours, account)) {
			t.Errorf("%s lists secrets: %v", account, err)
		}
	}
}
