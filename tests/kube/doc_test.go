// Package kube holds deploy/ to a real Kubernetes, as far as there is one without nodes: etcd, kube-apiserver and controllers of
// kube-controller-manager, the sidecars that the chart names, and Mortar on simulated nodes, all as processes on loopback.
//
// All of them are built from their Go modules by `make test-kube`; no image and no cluster is needed. What is not here is a
// kubelet: no pod runs, and nothing is mounted. Sidecars are started as the chart's containers say, with the chart's own
// service account, so what its rules leave out is refused here as it would be there.
package kube
