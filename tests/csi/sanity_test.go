package csi

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/kubernetes-csi/csi-test/v5/pkg/sanity"
	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"
)

// TestSanity runs csi-sanity against the driver that the environment names.
func TestSanity(t *testing.T) {
	node := os.Getenv("MORTAR_CSI_NODE")
	if node == "" {
		t.Skip("no driver runs: crates/cli/tests/csi starts one and sets MORTAR_CSI_NODE")
	}
	folder := os.Getenv("MORTAR_CSI_FOLDER")
	config := sanity.NewTestConfig()
	config.Address = node
	config.ControllerAddress = os.Getenv("MORTAR_CSI_CONTROLLER")
	config.StagingPath = filepath.Join(folder, "plugins", "staging")
	config.TargetPath = filepath.Join(folder, "pods", "target")
	config.TestVolumeAccessType = os.Getenv("MORTAR_CSI_ACCESS")
	config.TestVolumeSize = number(t, "MORTAR_CSI_SIZE")
	config.TestVolumeExpandSize = config.TestVolumeSize + 1<<29
	config.TestVolumeParameters = pairs(os.Getenv("MORTAR_CSI_PARAMETERS"))
	config.TestVolumeMutableParameters = pairs(os.Getenv("MORTAR_CSI_MUTABLE"))
	config.TestSnapshotParameters = map[string]string{}
	config.TestNodeVolumeAttachLimit = true
	sanity.Test(t, config)
}

func number(t *testing.T, name string) int64 {
	value, err := strconv.ParseInt(os.Getenv(name), 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return value
}

// pairs reads NAME=VALUE, with semicolons between.
func pairs(text string) map[string]string {
	found := map[string]string{}
	for _, pair := range strings.Split(text, ";") {
		if name, value, ok := strings.Cut(pair, "="); ok {
			found[name] = value
		}
	}
	return found
}

// pending is the one spec that csi-sanity itself does not run, for nobody.
const pending = "pagination should detect volumes added between pages and accept tokens when the last volume from a page is deleted"

// No spec is skipped: a capability that was lost would be skipped silently.
var _ = ginkgo.ReportAfterSuite("nothing is skipped", func(report ginkgo.Report) {
	ran := 0
	for _, spec := range report.SpecReports {
		if spec.LeafNodeType != types.NodeTypeIt {
			continue
		}
		switch {
		case spec.State == types.SpecStateSkipped:
			ginkgo.Fail("skipped: " + spec.FullText() + ": " + spec.Failure.Message)
		case spec.State == types.SpecStatePending && !strings.Contains(spec.FullText(), pending):
			ginkgo.Fail("pending: " + spec.FullText())
		case spec.State == types.SpecStatePending:
		default:
			ran++
		}
	}
	if ran == 0 {
		ginkgo.Fail("no spec ran")
	}
})
