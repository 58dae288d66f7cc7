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

// Specs that run with no driver that is like ours: those of a capability that is not advertised, by the capability.
var notAdvertised = map[string]string{}

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
	for _, name := range strings.Split(os.Getenv("MORTAR_CSI_NOT_ADVERTISED"), ",") {
		notAdvertised[name] = name
	}
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

// What csi-sanity skips is said, and is nothing but what the caller names: a capability that was lost would be skipped silently.
var _ = ginkgo.ReportAfterSuite("nothing is skipped that is not named", func(report ginkgo.Report) {
	ran, skipped := 0, 0
	for _, spec := range report.SpecReports {
		if spec.LeafNodeType != types.NodeTypeIt {
			continue
		}
		switch spec.State {
		case types.SpecStateSkipped:
			skipped++
			text := spec.FullText()
			named := false
			for name := range notAdvertised {
				named = named || name != "" && strings.Contains(text+" "+spec.Failure.Message, name)
			}
			if !named {
				ginkgo.Fail("skipped: " + text + ": " + spec.Failure.Message)
			}
		case types.SpecStatePending:
		default:
			ran++
		}
	}
	ginkgo.GinkgoWriter.Printf("csi-sanity: %d specs ran, %d were skipped\n", ran, skipped)
	if ran == 0 {
		ginkgo.Fail("no spec ran")
	}
})
