// Package csi holds Mortar's CSI driver to the standard: its wire contract to the standard's own descriptors, and the running
// driver to csi-sanity, all of its specs.
//
// The driver under test, with a real pool below it, is started by crates/cli/tests/csi, which runs these tests too.
package csi
