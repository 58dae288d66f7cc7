package kube

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	authentication "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	certificates "k8s.io/client-go/util/cert"
	"k8s.io/client-go/util/keyutil"
)

// cluster is a Kubernetes without nodes.
type cluster struct {
	folder  string
	address string
	admin   *rest.Config
	typed   kubernetes.Interface
	dynamic dynamic.Interface
	mapper  *restmapper.DeferredDiscoveryRESTMapper
	told    *warnings
	running []*process
}

// The cluster of all tests here.
var kube *cluster

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	folder, err := os.MkdirTemp("", "mortar-kube-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	kube = &cluster{folder: folder}
	defer kube.end()
	if err := kube.begin(); err != nil {
		fmt.Fprintln(os.Stderr, "the cluster does not start:", err)
		return 1
	}
	return m.Run()
}

func (c *cluster) begin() error {
	ports, err := freePorts(3)
	if err != nil {
		return err
	}
	if err := c.startStore(ports[0], ports[1]); err != nil {
		return err
	}
	return c.startServer(ports[0], ports[2])
}

// end ends all that runs, the youngest first.
func (c *cluster) end() {
	for number := len(c.running) - 1; number >= 0; number-- {
		c.running[number].kill()
	}
}

// run starts a program that ends with the cluster.
func (c *cluster) run(name, binary string, environment []string, arguments ...string) (*process, error) {
	path, err := program(binary)
	if err != nil {
		return nil, err
	}
	started, err := start(c.folder, name, path, environment, arguments...)
	if err == nil {
		c.running = append(c.running, started)
	}
	return started, err
}

// freePorts are ports of loopback that nobody listens on now.
func freePorts(count int) ([]string, error) {
	var ports []string
	for range count {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		// Held until all are drawn, so that they differ.
		defer listener.Close()
		ports = append(ports, strconv.Itoa(listener.Addr().(*net.TCPAddr).Port))
	}
	return ports, nil
}

func (c *cluster) startStore(clients, peers string) error {
	client, peer := "http://127.0.0.1:"+clients, "http://127.0.0.1:"+peers
	etcd, err := c.run("etcd", "etcd", nil, "--data-dir", filepath.Join(c.folder, "etcd"), "--unsafe-no-fsync",
		"--listen-client-urls", client, "--advertise-client-urls", client,
		"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", "default="+peer)
	if err != nil {
		return err
	}
	return etcd.ready(func() error { return listens("tcp", "127.0.0.1:"+clients) })
}

// listens is whether somebody takes connections there.
func listens(network, address string) error {
	connection, err := net.Dial(network, address)
	if err == nil {
		connection.Close()
	}
	return err
}

func (c *cluster) startServer(store, port string) error {
	certificate, key, err := certificates.GenerateSelfSignedCertKey("127.0.0.1", []net.IP{net.IPv4(127, 0, 0, 1)}, nil)
	if err != nil {
		return err
	}
	accounts, err := keyutil.MakeEllipticPrivateKeyPEM()
	if err != nil {
		return err
	}
	token := secret()
	files := map[string][]byte{
		"server.crt":   certificate,
		"server.key":   key,
		"accounts.key": accounts,
		"tokens.csv":   []byte(token + ",admin,admin,system:masters\n"),
		// Who asked what, and what the answer was: for what accounts may and do.
		"audit.yaml": []byte("apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules:\n" +
			"  - {level: Metadata, userGroups: [\"system:serviceaccounts\"]}\n  - {level: None}\n"),
	}
	for name, content := range files {
		if err := os.WriteFile(c.file(name), content, 0o600); err != nil {
			return err
		}
	}
	c.address = "https://127.0.0.1:" + port
	server, err := c.run("kube-apiserver", "kube-apiserver", nil,
		"--etcd-servers=http://127.0.0.1:"+store, "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1",
		"--secure-port="+port, "--endpoint-reconciler-type=none", "--service-cluster-ip-range=10.96.0.0/16",
		"--tls-cert-file="+c.file("server.crt"), "--tls-private-key-file="+c.file("server.key"),
		"--token-auth-file="+c.file("tokens.csv"), "--authorization-mode=RBAC", "--allow-privileged",
		"--service-account-issuer="+c.address, "--service-account-key-file="+c.file("accounts.key"),
		"--service-account-signing-key-file="+c.file("accounts.key"),
		"--audit-policy-file="+c.file("audit.yaml"), "--audit-log-path="+c.file("audit.log"), "--audit-log-mode=blocking-strict")
	if err != nil {
		return err
	}
	c.told = &warnings{}
	c.admin = &rest.Config{Host: c.address, BearerToken: token, QPS: -1, WarningHandler: c.told,
		TLSClientConfig: rest.TLSClientConfig{CAFile: c.file("server.crt")}}
	if c.typed, err = kubernetes.NewForConfig(c.admin); err != nil {
		return err
	}
	if c.dynamic, err = dynamic.NewForConfig(c.admin); err != nil {
		return err
	}
	c.mapper = restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(c.typed.Discovery()))
	return server.ready(func() error {
		_, err := c.typed.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(context.Background())
		return err
	})
}

// access writes a kubeconfig for a token; its path.
func (c *cluster) access(name, token string) (string, error) {
	path := c.file(name + ".kubeconfig")
	config := clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{"here": {Server: c.address, CertificateAuthority: c.file("server.crt")}},
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{name: {Token: token}},
		Contexts:       map[string]*clientcmdapi.Context{"here": {Cluster: "here", AuthInfo: name}},
		CurrentContext: "here",
	}
	return path, clientcmd.WriteToFile(config, path)
}

// accountAccess is a kubeconfig with a token of a service account, as a pod of it has.
func (c *cluster) accountAccess(namespace, account string) (string, error) {
	lifetime := int64((2 * time.Hour).Seconds())
	request := &authentication.TokenRequest{Spec: authentication.TokenRequestSpec{ExpirationSeconds: &lifetime}}
	answer, err := c.typed.CoreV1().ServiceAccounts(namespace).CreateToken(context.Background(), account, request, metav1.CreateOptions{})
	if err != nil {
		return "", err
	}
	return c.access(account, answer.Status.Token)
}

// resource is where objects of a kind are asked for, and whether they have a namespace.
func (c *cluster) resource(kind schema.GroupVersionKind) (schema.GroupVersionResource, bool, error) {
	mapping, err := c.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		return schema.GroupVersionResource{}, false, err
	}
	return mapping.Resource, mapping.Scope.Name() == "namespace", nil
}

func (c *cluster) file(name string) string {
	return filepath.Join(c.folder, name)
}

func secret() string {
	bytes := make([]byte, 16)
	_, _ = rand.Read(bytes)
	return hex.EncodeToString(bytes)
}

// client asks with a token of a service account.
func (c *cluster) client(t *testing.T, namespace, account string) kubernetes.Interface {
	t.Helper()
	access, err := c.accountAccess(namespace, account)
	if err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", access)
	if err != nil {
		t.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}
