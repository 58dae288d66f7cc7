package kube

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// The controllers of kube-controller-manager that run: those that deal with claims and volumes, and those that make pods of
// Deployments and DaemonSets.
const controllers = "persistentvolume-binder-controller,persistentvolume-expander-controller," +
	"persistentvolume-protection-controller,persistentvolumeclaim-protection-controller," +
	"volumeattributesclass-protection-controller,deployment-controller,replicaset-controller,daemonset-controller," +
	"serviceaccount-controller,garbage-collector-controller,namespace-controller"

var control sync.Once

// controlled starts the controllers, once.
func controlled(t *testing.T) {
	t.Helper()
	control.Do(func() {
		if err := kube.startControllers(); err != nil {
			t.Fatal(err)
		}
	})
}

func (c *cluster) startControllers() error {
	ports, err := freePorts(1)
	if err != nil {
		return err
	}
	access, err := c.access("controllers", c.admin.BearerToken)
	if err != nil {
		return err
	}
	manager, err := c.run("kube-controller-manager", "kube-controller-manager", nil,
		"--kubeconfig="+access, "--controllers="+controllers, "--leader-elect=false",
		"--bind-address=127.0.0.1", "--secure-port="+ports[0], "--cert-dir="+c.file("controllers"),
		// A claim is looked at again this often when nothing was heard of it.
		"--pvclaimbinder-sync-period=5s")
	if err != nil {
		return err
	}
	return manager.ready(func() error {
		account, err := c.typed.CoreV1().ServiceAccounts("default").Get(context.Background(), "default", metav1.GetOptions{})
		if err == nil && account.UID == "" {
			err = errors.New("the default service account has no uid")
		}
		return err
	})
}

// Deployments become pods: their templates pass admission, that of the namespace's pod security too. And DaemonSets, on a node
// with the label.
func TestTemplatesBecomePods(t *testing.T) {
	installed(t)
	controlled(t)
	node(t)
	for component, count := range map[string]int{"server": 1, "csi-controller": 2, "csi-node": 1, "csi-mounter": 1, "glusterfs": 1} {
		until(t, fmt.Sprintf("%d pods of %s", count, component), func() error {
			pods, err := podsOf(component)
			if err == nil && len(pods) != count {
				err = fmt.Errorf("%d pods; %s", len(pods), troubles())
			}
			return err
		})
	}
}

// node is a node as far as the API server knows one: no kubelet stands behind it.
func node(t *testing.T) {
	t.Helper()
	mustApply(t, object(t, "apiVersion: v1\nkind: Node\nmetadata: {name: n1, labels: {kubernetes.io/hostname: n1, kubernetes.io/os: linux, storagenode: glusterfs}}\n"))
	// A new node is given a taint until its kubelet says that it is ready.
	if _, err := kube.typed.CoreV1().Nodes().Patch(context.Background(), "n1", types.MergePatchType, []byte(`{"spec":{"taints":null}}`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	// As the kubelet writes down what the node plug-in says of itself.
	mustApply(t, object(t, "apiVersion: storage.k8s.io/v1\nkind: CSINode\nmetadata: {name: n1}\nspec: {drivers: [{name: csi.mortar, nodeID: n1, topologyKeys: []}]}\n"))
}

// podsOf are the pods of a component, by name.
func podsOf(component string) ([]corev1.Pod, error) {
	list, err := kube.typed.CoreV1().Pods(ours).List(context.Background(),
		metav1.ListOptions{LabelSelector: "app.kubernetes.io/component=" + component})
	if err != nil {
		return nil, err
	}
	return list.Items, nil
}

// troubles are what events of the namespace warn of.
func troubles() string {
	events, err := kube.typed.CoreV1().Events(ours).List(context.Background(), metav1.ListOptions{FieldSelector: "type=Warning"})
	if err != nil {
		return err.Error()
	}
	var texts []string
	for _, event := range events.Items {
		texts = append(texts, event.InvolvedObject.Kind+" "+event.InvolvedObject.Name+": "+event.Message)
	}
	return strings.Join(texts, "\n")
}
