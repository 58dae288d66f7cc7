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

// Why csi-sanity may skip a spec: its own words, and why that capability is not advertised.
var notAdvertised = map[string]string{
	"ControllerPublishVolume not supported":             attach,
	"ControllerPublishVolume.readonly field":            attach,
	"Controller Publish, UnpublishVolume not supported": attach,
	"ControllerUnpublishVolume not supported":           attach,
	"testnodevolumeattachlimit not enabled":             attach,
}

const attach = "a GlusterFS client attaches by itself"

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
	ran := 0
	for _, spec := range report.SpecReports {
		if spec.LeafNodeType != types.NodeTypeIt {
			continue
		}
		switch spec.State {
		case types.SpecStateSkipped:
			named := false
			for words := range notAdvertised {
				named = named || strings.Contains(spec.Failure.Message, words)
			}
			if !named {
				ginkgo.Fail("skipped: " + spec.FullText() + ": " + spec.Failure.Message)
			}
		case types.SpecStatePending:
		default:
			ran++
		}
	}
	if ran == 0 {
		ginkgo.Fail("no spec ran")
	}
})
