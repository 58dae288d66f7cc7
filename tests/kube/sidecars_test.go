package kube

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	audit "k8s.io/apiserver/pkg/apis/audit/v1"
)

// The containers of the CSI controller's pod that are run here, each with the program that its image holds. The health monitor
// and the liveness probe are not: their modules cannot be had from the Go module proxy.
var sidecars = map[string]string{
	"provisioner": "csi-provisioner",
	"resizer":     "csi-resizer",
	"snapshotter": "csi-snapshotter",
}

// The module that each of those programs is built from.
var sidecarModules = map[string]string{
	"csi-provisioner": "github.com/kubernetes-csi/external-provisioner/v6",
	"csi-resizer":     "github.com/kubernetes-csi/external-resizer/v2",
	"csi-snapshotter": "github.com/kubernetes-csi/external-snapshotter/v8",
}

// startSidecars runs what the first pod of the CSI controller would run, beside the driver's socket, and the cluster's own snapshot
// controller.
func startSidecars(t *testing.T, socket string) {
	t.Helper()
	access, err := kube.accountAccess(ours, "mortar-csi-controller")
	if err != nil {
		t.Fatal(err)
	}
	var pods []corev1.Pod
	until(t, "the CSI controller has pods", func() error {
		if pods, err = podsOf("csi-controller"); err == nil && len(pods) == 0 {
			err = fmt.Errorf("none; %s", troubles())
		}
		return err
	})
	started := 0
	for _, container := range pods[0].Spec.Containers {
		binary, known := sidecars[container.Name]
		if !known {
			continue
		}
		runSidecar(t, binary, containerEnvironment(t, container, pods[0]), sidecarArguments(container, socket, access))
		started++
	}
	if started != len(sidecars) {
		t.Fatalf("the pod has %d of the sidecars %v", started, sidecars)
	}
	startSnapshotController(t)
}

// runSidecar runs a sidecar until the test ends, and starts it again when it ends by itself, as a kubelet does: a provisioner that
// loses its driver ends. Every end is told with the log.
func runSidecar(t *testing.T, binary string, environment, arguments []string) {
	t.Helper()
	path, err := program(binary)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	sidecar, err := start(folder, binary, path, environment, arguments...)
	if err != nil {
		t.Fatal(err)
	}
	over, done := make(chan struct{}), make(chan struct{})
	ends := 0
	go func() {
		defer close(done)
		for {
			select {
			case <-over:
				sidecar.kill()
				return
			case <-sidecar.ended:
			}
			ends++
			again, err := start(folder, binary, path, environment, arguments...)
			if err != nil {
				t.Error(err)
				return
			}
			sidecar = again
		}
	}()
	t.Cleanup(func() {
		close(over)
		<-done
		if t.Failed() {
			t.Logf("%s ended %d times by itself; %s", binary, ends, sidecar.tail())
		}
	})
}

// sidecarArguments are the chart's own; only the socket is elsewhere, and the API server is found by a kubeconfig.
func sidecarArguments(container corev1.Container, socket, access string) []string {
	arguments := []string{"--kubeconfig=" + access, "--v=4"}
	for _, argument := range container.Args {
		if strings.HasPrefix(argument, "--csi-address=") {
			argument = "--csi-address=" + socket
		}
		arguments = append(arguments, argument)
	}
	return arguments
}

// containerEnvironment is what a kubelet would give; POD_NAMESPACE stands for the file beside a pod's token that tells its namespace.
func containerEnvironment(t *testing.T, container corev1.Container, pod corev1.Pod) []string {
	t.Helper()
	environment := []string{"POD_NAMESPACE=" + pod.Namespace}
	for _, variable := range container.Env {
		value := variable.Value
		if source := variable.ValueFrom; source != nil {
			switch source.FieldRef.FieldPath {
			case "metadata.name":
				value = pod.Name
			case "metadata.namespace":
				value = pod.Namespace
			default:
				t.Fatalf("%s: what is %s here?", variable.Name, source.FieldRef.FieldPath)
			}
		}
		environment = append(environment, variable.Name+"="+value)
	}
	return environment
}

// startSnapshotController runs what a cluster with snapshots has, with its own account and its own release's rules.
func startSnapshotController(t *testing.T) {
	t.Helper()
	file := "/deploy/kubernetes/snapshot-controller/rbac-snapshot-controller.yaml"
	for _, wanted := range documents(t, module(t, sidecarModules["csi-snapshotter"])+file) {
		mustApply(t, wanted)
	}
	access, err := kube.accountAccess("kube-system", "snapshot-controller")
	if err != nil {
		t.Fatal(err)
	}
	runSidecar(t, "snapshot-controller", nil, []string{"--kubeconfig=" + access, "--v=4", "--leader-election=false",
		"--feature-gates=CSIVolumeGroupSnapshot=true"})
}

// What is run here is what the chart names.
func TestSidecarsAreOfTheChartsVersions(t *testing.T) {
	installed(t)
	deployment, err := kube.typed.AppsV1().Deployments(ours).Get(context.Background(), "mortar-csi-controller", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, container := range deployment.Spec.Template.Spec.Containers {
		binary, known := sidecars[container.Name]
		if !known {
			continue
		}
		seen++
		_, tag, _ := strings.Cut(container.Image, ":")
		folder := filepath.Base(module(t, sidecarModules[binary]))
		if _, version, _ := strings.Cut(folder, "@"); version != tag {
			t.Errorf("the chart names %s, the tests run %s", container.Image, version)
		}
	}
	if seen != len(sidecars) {
		t.Errorf("the chart has %d of %v", seen, sidecars)
	}
}

// refusals are the requests of the chart's accounts that the API server forbade since a moment: the length of its audit log then.
func refusals(t *testing.T, since int64) []string {
	t.Helper()
	log, err := os.Open(kube.file("audit.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	if _, err := log.Seek(since, 0); err != nil {
		t.Fatal(err)
	}
	var found []string
	asked := 0
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var event audit.Event
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(event.User.Username, "system:serviceaccount:"+ours+":") {
			continue
		}
		asked++
		if event.ResponseStatus != nil && event.ResponseStatus.Code == 403 {
			found = append(found, event.UserAgent+" "+event.Verb+" "+event.RequestURI)
		}
	}
	if lines.Err() != nil || asked < 50 {
		t.Fatalf("%d requests were seen in the audit log: %v", asked, lines.Err())
	}
	return found
}

// audited is how long the audit log is.
func audited(t *testing.T) int64 {
	t.Helper()
	status, err := os.Stat(kube.file("audit.log"))
	if err != nil {
		t.Fatal(err)
	}
	return status.Size()
}
