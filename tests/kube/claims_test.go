package kube

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

const users = metav1.NamespaceDefault

var (
	snapshotKind      = schema.GroupVersionKind{Group: "snapshot.storage.k8s.io", Version: "v1", Kind: "VolumeSnapshot"}
	groupSnapshotKind = schema.GroupVersionKind{Group: "groupsnapshot.storage.k8s.io", Version: "v1", Kind: "VolumeGroupSnapshot"}
)

// A claim's whole life, by the real provisioner, resizer, snapshotter and controllers; in this order.
func TestAClaimsLife(t *testing.T) {
	installed(t)
	controlled(t)
	node(t)
	m := newMortar(t)
	since := audited(t)
	startSidecars(t, m.socket)
	for _, step := range []struct {
		name string
		run  func(*testing.T, *mortar)
	}{
		{"claims of each class are bound", classesAreBound},
		{"a claim that cannot be is told why", wrongIsTold},
		{"a claim grows", claimGrows},
		{"options change", optionsChange},
		{"a snapshot and claims from it", snapshots},
		{"a copy of a claim", copies},
		{"several claims at one moment", groups},
		{"everything goes", everythingGoes},
	} {
		t.Run(step.name, func(t *testing.T) { step.run(t, m) })
	}
	if forbidden := refusals(t, since); len(forbidden) > 0 {
		slices.Sort(forbidden)
		t.Errorf("the chart's rules forbid what the sidecars do:\n%s", strings.Join(slices.Compact(forbidden), "\n"))
	}
}

// claim asks for storage; more is YAML for its spec.
func claim(t *testing.T, name, class, size, more string) {
	t.Helper()
	mustApply(t, object(t, fmt.Sprintf("apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: %s, labels: {app: shop}}\n"+
		"spec:\n  storageClassName: %s\n  accessModes: [ReadWriteMany]\n  resources: {requests: {storage: %s}}\n%s", name, class, size, more)))
}

func claimNow(t *testing.T, name string) *corev1.PersistentVolumeClaim {
	t.Helper()
	found, err := kube.typed.CoreV1().PersistentVolumeClaims(users).Get(context.Background(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// bound waits until a claim is bound; its volume.
func bound(t *testing.T, name string) *corev1.PersistentVolume {
	t.Helper()
	var found *corev1.PersistentVolumeClaim
	until(t, name+" is bound", func() error {
		if found = claimNow(t, name); found.Status.Phase == corev1.ClaimBound {
			return nil
		}
		return fmt.Errorf("%s: %v", found.Status.Phase, eventsOf(t, name))
	})
	volume, err := kube.typed.CoreV1().PersistentVolumes().Get(context.Background(), found.Spec.VolumeName, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return volume
}

// eventsOf is what `kubectl describe` tells of an object.
func eventsOf(t *testing.T, name string) []string {
	t.Helper()
	events, err := kube.typed.CoreV1().Events(users).List(context.Background(), metav1.ListOptions{FieldSelector: "involvedObject.name=" + name})
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, event := range events.Items {
		texts = append(texts, event.Reason+": "+event.Message)
	}
	return texts
}

func classesAreBound(t *testing.T, m *mortar) {
	for class, durability := range map[string]string{"mortar-replica3": "replicate 3", "mortar-arbiter": "arbiter", "mortar-disperse": "disperse 4:2"} {
		name := strings.TrimPrefix(class, "mortar-")
		claim(t, name, class, "2Gi", "")
		found := bound(t, name)
		source := found.Spec.CSI
		if source == nil || source.Driver != "csi.mortar" {
			t.Fatalf("%s is of %v", name, source)
		}
		made := m.volume(t, source.VolumeHandle)
		if !strings.HasPrefix(made.Durability, strings.Split(durability, ":")[0]) || made.Size < 2<<30 {
			t.Errorf("%s is %+v", name, made)
		}
		if size := found.Spec.Capacity[corev1.ResourceStorage]; size.Cmp(resource.MustParse("2Gi")) < 0 {
			t.Errorf("%s has %s", name, size.String())
		}
		if found.Spec.PersistentVolumeReclaimPolicy != corev1.PersistentVolumeReclaimDelete || found.Spec.StorageClassName != class ||
			found.Spec.ClaimRef == nil || found.Spec.ClaimRef.Name != name {
			t.Errorf("%s: %+v", name, found.Spec)
		}
		// The claim is known by its name, since the provisioner tells it.
		m.ask(t, nil, "explain", "pvc/"+users+"/"+name)
	}
}

func wrongIsTold(t *testing.T, m *mortar) {
	before := len(m.volumes(t))
	mustApply(t, object(t, "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: wrong}\nprovisioner: csi.mortar\nparameters: {volumtype: none}\n"))
	claim(t, "wrong", "wrong", "1Gi", "")
	until(t, "the claim's events name the parameter", func() error {
		if events := eventsOf(t, "wrong"); !strings.Contains(strings.Join(events, "\n"), "volumtype") {
			return fmt.Errorf("%q", events)
		}
		return nil
	})
	if claimNow(t, "wrong").Status.Phase != corev1.ClaimPending || len(m.volumes(t)) != before {
		t.Errorf("a volume was made: %v", m.volumes(t))
	}
	remove(t, "wrong")
}

func claimGrows(t *testing.T, m *mortar) {
	before := m.volume(t, bound(t, "replica3").Spec.CSI.VolumeHandle)
	patch(t, "replica3", `{"spec":{"resources":{"requests":{"storage":"5Gi"}}}}`)
	until(t, "the claim has its new size", func() error {
		status := claimNow(t, "replica3").Status
		if size := status.Capacity[corev1.ResourceStorage]; size.Cmp(resource.MustParse("5Gi")) != 0 || underWay(status.Conditions) {
			return fmt.Errorf("%s %v %v", size.String(), status.Conditions, eventsOf(t, "replica3"))
		}
		return nil
	})
	found := bound(t, "replica3")
	if size := found.Spec.Capacity[corev1.ResourceStorage]; size.Cmp(resource.MustParse("5Gi")) != 0 {
		t.Errorf("the volume has %s", size.String())
	}
	if after := m.volume(t, found.Spec.CSI.VolumeHandle); after.ID != before.ID || after.Size < 5<<30 {
		t.Errorf("%+v became %+v", before, after)
	}
}

// underWay is whether a claim says that it still grows, or waits for a kubelet to go on.
func underWay(conditions []corev1.PersistentVolumeClaimCondition) bool {
	return slices.ContainsFunc(conditions, func(each corev1.PersistentVolumeClaimCondition) bool {
		return each.Type == corev1.PersistentVolumeClaimResizing || each.Type == corev1.PersistentVolumeClaimFileSystemResizePending
	})
}

func optionsChange(t *testing.T, m *mortar) {
	patch(t, "replica3", `{"spec":{"volumeAttributesClassName":"mortar-fast-failover"}}`)
	until(t, "the claim has its new class of attributes", func() error {
		status := claimNow(t, "replica3").Status
		if name := status.CurrentVolumeAttributesClassName; name == nil || *name != "mortar-fast-failover" {
			return fmt.Errorf("%v %v", status.ModifyVolumeStatus, eventsOf(t, "replica3"))
		}
		return nil
	})
	output, err := m.try("volume", "info", bound(t, "replica3").Spec.CSI.VolumeHandle)
	if err != nil || !strings.Contains(string(output), "network.ping-timeout 10") {
		t.Errorf("%v %s", err, output)
	}
}

func patch(t *testing.T, name, change string) {
	t.Helper()
	if _, err := kube.typed.CoreV1().PersistentVolumeClaims(users).
		Patch(context.Background(), name, types.MergePatchType, []byte(change), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
}

// ready waits until a snapshot, or a group of them, can be used.
func ready(t *testing.T, kind schema.GroupVersionKind, name string) *unstructured.Unstructured {
	t.Helper()
	resource, _, err := kube.resource(kind)
	if err != nil {
		t.Fatal(err)
	}
	var found *unstructured.Unstructured
	until(t, name+" is ready to use", func() error {
		if found, err = kube.dynamic.Resource(resource).Namespace(users).Get(context.Background(), name, metav1.GetOptions{}); err != nil {
			return err
		}
		if ready, _, _ := unstructured.NestedBool(found.Object, "status", "readyToUse"); !ready {
			return fmt.Errorf("%v %v", found.Object["status"], eventsOf(t, name))
		}
		return nil
	})
	return found
}

func snapshots(t *testing.T, m *mortar) {
	mustApply(t, object(t, "apiVersion: snapshot.storage.k8s.io/v1\nkind: VolumeSnapshot\nmetadata: {name: monday}\n"+
		"spec: {volumeSnapshotClassName: mortar, source: {persistentVolumeClaimName: replica3}}\n"))
	taken := ready(t, snapshotKind, "monday")
	if size, _, _ := unstructured.NestedString(taken.Object, "status", "restoreSize"); size != "5Gi" {
		t.Errorf("it restores to %q", size)
	}
	if count := m.snapshots(t); count != 1 {
		t.Errorf("Mortar has %d snapshots", count)
	}
	source := "  dataSource: {apiGroup: snapshot.storage.k8s.io, kind: VolumeSnapshot, name: monday}\n"
	claim(t, "restored", "mortar-replica3", "5Gi", source)
	claim(t, "larger", "mortar-replica3", "7Gi", source)
	for name, size := range map[string]int64{"restored": 5 << 30, "larger": 7 << 30} {
		if made := m.volume(t, bound(t, name).Spec.CSI.VolumeHandle); made.Size < size {
			t.Errorf("%s is %+v", name, made)
		}
	}
}

func copies(t *testing.T, m *mortar) {
	claim(t, "copy", "mortar-replica3", "5Gi", "  dataSource: {kind: PersistentVolumeClaim, name: replica3}\n")
	if made := m.volume(t, bound(t, "copy").Spec.CSI.VolumeHandle); made.Size < 5<<30 {
		t.Errorf("%+v", made)
	}
}

func groups(t *testing.T, m *mortar) {
	before := m.snapshots(t)
	for _, name := range []string{"copy", "restored"} {
		patch(t, name, `{"metadata":{"labels":{"app":"pair"}}}`)
	}
	mustApply(t, object(t, "apiVersion: groupsnapshot.storage.k8s.io/v1\nkind: VolumeGroupSnapshot\nmetadata: {name: both}\n"+
		"spec: {volumeGroupSnapshotClassName: mortar, source: {selector: {matchLabels: {app: pair}}}}\n"))
	ready(t, groupSnapshotKind, "both")
	if count := m.snapshots(t) - before; count != 2 {
		t.Errorf("the group has %d snapshots", count)
	}
}

// remove deletes a claim and waits until it is gone.
func remove(t *testing.T, name string) {
	t.Helper()
	claims := kube.typed.CoreV1().PersistentVolumeClaims(users)
	if err := claims.Delete(context.Background(), name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	until(t, name+" is gone", func() error {
		_, err := claims.Get(context.Background(), name, metav1.GetOptions{})
		if errors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("it is there: %v", err)
	})
}

// everythingGoes deletes snapshots, groups and claims; no volume is left, here or there.
func everythingGoes(t *testing.T, m *mortar) {
	for kind, name := range map[schema.GroupVersionKind]string{snapshotKind: "monday", groupSnapshotKind: "both"} {
		resource, _, err := kube.resource(kind)
		if err != nil {
			t.Fatal(err)
		}
		if err := kube.dynamic.Resource(resource).Namespace(users).Delete(context.Background(), name, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "no snapshot is left", func() error {
		if count := m.snapshots(t); count > 0 {
			return fmt.Errorf("%d", count)
		}
		return nil
	})
	for _, name := range []string{"replica3", "arbiter", "disperse", "restored", "larger", "copy"} {
		remove(t, name)
	}
	nothingIsLeft(t, m)
}

func nothingIsLeft(t *testing.T, m *mortar) {
	t.Helper()
	until(t, "no volume is left", func() error {
		volumes, err := kube.typed.CoreV1().PersistentVolumes().List(context.Background(), metav1.ListOptions{})
		if err != nil {
			return err
		}
		if there := m.volumes(t); len(volumes.Items) > 0 || len(there) > 0 {
			return fmt.Errorf("%d here, there %v", len(volumes.Items), there)
		}
		return nil
	})
}
