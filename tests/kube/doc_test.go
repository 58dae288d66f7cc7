// Package kube holds deploy/ to a real API server: etcd and kube-apiserver, built from their Go modules by `make test-kube`, run as
// processes on loopback. No image and no cluster is needed. There is no kubelet: no pod runs.
package kube
