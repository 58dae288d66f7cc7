package kube

import (
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

const (
	manifests = "../../deploy/manifests"
	// Where the manifests put everything.
	ours = "mortar-storage"
)

var definitionKind = schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"}

// Every document is taken with strict validation, and nothing is warned of. A second time it changes nothing.
func TestManifestsAreTaken(t *testing.T) {
	installed(t)
	for _, wanted := range documents(t, manifests+"/mortar.yaml") {
		before := mustApply(t, wanted)
		after := mustApply(t, wanted)
		if before.GetResourceVersion() != after.GetResourceVersion() && wanted.GetKind() != "Deployment" && wanted.GetKind() != "DaemonSet" {
			t.Errorf("%s is changed by being applied again", name(wanted))
		}
	}
	for _, wanted := range documents(t, manifests+"/mortar-ssh.yaml") {
		if _, warned, err := kube.apply(wanted, true); err != nil || len(warned) > 0 {
			t.Errorf("mortar-ssh.yaml: %s: %v %q", name(wanted), err, warned)
		}
	}
}

// The check itself: what is wrong is refused, and what is out of date is warned of.
func TestWrongObjectsAreSeen(t *testing.T) {
	installed(t)
	for _, wrong := range []string{
		"apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {selektor: {a: b}, ports: [{port: 1}]}\n",
		"apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: []}\n",
		"apiVersion: monitoring.coreos.com/v1\nkind: ServiceMonitor\nmetadata: {name: a}\nspec: {endpoint: []}\n",
		"apiVersion: snapshot.storage.k8s.io/v1\nkind: VolumeSnapshotClass\nmetadata: {name: a}\ndriver: a\ndeletionPolicy: Perhaps\n",
	} {
		if _, _, err := kube.apply(object(t, wrong), false); err == nil {
			t.Errorf("taken: %s", wrong)
		}
	}
	outdated := object(t, "apiVersion: v1\nkind: Endpoints\nmetadata: {name: a}\n")
	if _, warned, err := kube.apply(outdated, true); err != nil || len(warned) == 0 {
		t.Errorf("nothing is warned of: %v", err)
	}
}
