package wire

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"mostrador/sdk/plgv1"
)

// echo describes itself as whatever name it is asked for through a large message.
type echo struct {
	plgv1.UnimplementedPluginServer
}

func (echo) Describe(context.Context, *plgv1.DescribeRequest) (*plgv1.DescribeResponse, error) {
	return &plgv1.DescribeResponse{Id: "PLG0001", Api: API}, nil
}

// dial serves an echo with the plugin's bundle and connects with the host's.
func dial(t *testing.T, plugin, host Bundle) plgv1.PluginClient {
	t.Helper()
	server, err := plugin.ServerConfig()
	if err != nil {
		t.Fatal(err)
	}
	client, err := host.ClientConfig()
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, server, client)
}

func serve(t *testing.T, server, client *tls.Config) plgv1.PluginClient {
	t.Helper()
	listener, err := Listen(echo{}, server)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- listener.Serve() }()
	t.Cleanup(func() { listener.Stop(); <-served })
	conn, err := grpc.NewClient("passthrough:///plugin",
		append(DialOptions(), grpc.WithTransportCredentials(credentials.NewTLS(client)),
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, listener.Addr().Network(), listener.Addr().String())
			}))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return plgv1.NewPluginClient(conn)
}

func describe(t *testing.T, c plgv1.PluginClient) error {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err := c.Describe(ctx, &plgv1.DescribeRequest{})
	return err
}

func issue(t *testing.T) (host, plugin Bundle) {
	t.Helper()
	host, plugin, err := Issue(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return host, plugin
}

func TestHostAndPluginOfOneStartTrustEachOther(t *testing.T) {
	host, plugin := issue(t)
	sent, err := ParseBundle(plugin.Encode()) // as through the environment
	if err != nil {
		t.Fatal(err)
	}
	if err := describe(t, dial(t, sent, host)); err != nil {
		t.Fatal(err)
	}
}

func TestNobodyElseGetsIn(t *testing.T) {
	host, plugin := issue(t)
	otherHost, otherPlugin := issue(t)
	asHost := Bundle{CA: host.CA, Cert: plugin.Cert, Key: plugin.Key} // with its own certificate
	asPlugin := Bundle{CA: plugin.CA, Cert: host.Cert, Key: host.Key}
	for name, test := range map[string]struct{ plugin, host Bundle }{
		"the host of another start":    {plugin, Bundle{CA: host.CA, Cert: otherHost.Cert, Key: otherHost.Key}},
		"the plugin of another start":  {Bundle{CA: plugin.CA, Cert: otherPlugin.Cert, Key: otherPlugin.Key}, host},
		"a plugin in the host's place": {plugin, asHost},
		"a host in the plugin's place": {asPlugin, host},
	} {
		t.Run(name, func(t *testing.T) {
			if describe(t, dial(t, test.plugin, test.host)) == nil {
				t.Fatal("the call went through")
			}
		})
	}
	t.Run("somebody without certificate", func(t *testing.T) {
		server, err := plugin.ServerConfig()
		if err != nil {
			t.Fatal(err)
		}
		client, err := host.ClientConfig()
		if err != nil {
			t.Fatal(err)
		}
		client.Certificates = nil
		if describe(t, serve(t, server, client)) == nil {
			t.Fatal("the call went through")
		}
	})
}

// A pinned certificate is one of a peer, and no authority.
func TestWhatAPinnedCertificateSignedDoesNotGetIn(t *testing.T) {
	host, plugin := issue(t)
	parent, err := tls.X509KeyPair([]byte(host.Cert), []byte(host.Key))
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	leaf := template(time.Now(), "mostrador-host")
	leaf.KeyUsage, leaf.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	der, err := x509.CreateCertificate(rand.Reader, leaf, parent.Leaf, key.Public(), parent.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	server, err := plugin.ServerConfig()
	if err != nil {
		t.Fatal(err)
	}
	client, err := host.ClientConfig()
	if err != nil {
		t.Fatal(err)
	}
	client.Certificates = []tls.Certificate{{Certificate: [][]byte{der, parent.Certificate[0]}, PrivateKey: key}}
	if describe(t, serve(t, server, client)) == nil {
		t.Fatal("the call went through")
	}
}

func TestMessagesBeyondTheDefaultOfGRPCPass(t *testing.T) {
	host, plugin := issue(t)
	c := dial(t, plugin, host)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, err := c.Describe(ctx, &plgv1.DescribeRequest{Api: make([]int32, 6<<20)}); err != nil {
		t.Fatal(err)
	}
}

func FuzzParseBundle(f *testing.F) {
	host, _, err := Issue(time.Unix(0, 0))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(host.Encode())
	f.Add("")
	f.Add("e30=")
	f.Add(Bundle{CA: host.CA, Cert: host.Cert}.Encode())
	f.Fuzz(func(t *testing.T, s string) {
		b, err := ParseBundle(s)
		if err != nil {
			return
		}
		again, err := ParseBundle(b.Encode())
		if err != nil || again != b {
			t.Fatalf("%+v became %+v, %v", b, again, err)
		}
		if _, err := b.ServerConfig(); err == nil && (b.CA == "" || b.Cert == "" || b.Key == "") {
			t.Fatal("an incomplete bundle was taken")
		}
	})
}
