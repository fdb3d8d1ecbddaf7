package wire

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// TLSVariable is the environment variable that carries a plugin's Bundle.
const TLSVariable = "MOSTRADOR_PLUGIN_TLS"

// serverName is what the plugin's certificate is issued for; there is no host name on a local socket.
const serverName = "mostrador-plugin"

// Bundle is what one side of the mutual TLS between host and plugin holds. All members are PEM.
type Bundle struct {
	// CA is the peer's certificate, the only one that is taken.
	CA string `json:"ca"`
	// Cert and Key are this side's own.
	Cert string `json:"cert"`
	Key  string `json:"key"`
}

// Issue makes the certificates for one start of one plugin, one for each side, signed by itself: a Bundle's CA
// is the very certificate of the other side, and no other is taken. A plugin can therefore impersonate neither
// the host nor another plugin, and there is no chain to verify. They are of P-256: a verification takes
// 0.24 ms, with go-plugin's own P-521 it takes 16 ms. They hold for ten years, since a process may live for as
// long as the store does and a clock may be wrong; what ends their use is that their keys live only in the
// memory of the two processes.
func Issue(now time.Time) (host, plugin Bundle, err error) {
	if host, err = selfSigned(now, "mostrador-host", x509.ExtKeyUsageClientAuth); err != nil {
		return Bundle{}, Bundle{}, err
	}
	if plugin, err = selfSigned(now, serverName, x509.ExtKeyUsageServerAuth); err != nil {
		return Bundle{}, Bundle{}, err
	}
	host.CA, plugin.CA = plugin.Cert, host.Cert
	return host, plugin, nil
}

func selfSigned(now time.Time, name string, usage x509.ExtKeyUsage) (Bundle, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Bundle{}, fmt.Errorf("wire: key of %s: %w", name, err)
	}
	cert := template(now, name)
	cert.DNSNames = []string{name}
	cert.KeyUsage = x509.KeyUsageDigitalSignature
	cert.ExtKeyUsage = []x509.ExtKeyUsage{usage}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, key.Public(), key)
	if err != nil {
		return Bundle{}, fmt.Errorf("wire: certificate of %s: %w", name, err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return Bundle{}, fmt.Errorf("wire: key of %s: %w", name, err)
	}
	return Bundle{Cert: encodePEM("CERTIFICATE", der), Key: encodePEM("PRIVATE KEY", keyDER)}, nil
}

func template(now time.Time, name string) *x509.Certificate {
	serial := make([]byte, 16)
	rand.Read(serial) // never fails, see crypto/rand
	return &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-24 * time.Hour),
		NotAfter:     now.AddDate(10, 0, 0),
	}
}

func encodePEM(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// Encode is the bundle as the value of TLSVariable: base64 of its JSON, since an environment variable is
// best on one line.
func (b Bundle) Encode() string {
	data, _ := json.Marshal(b) // three strings always encode
	return base64.StdEncoding.EncodeToString(data)
}

// ParseBundle reads what Encode wrote.
func ParseBundle(s string) (Bundle, error) {
	data, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return Bundle{}, fmt.Errorf("wire: TLS bundle: %w", err)
	}
	var b Bundle
	if err := json.Unmarshal(data, &b); err != nil {
		return Bundle{}, fmt.Errorf("wire: TLS bundle: %w", err)
	}
	return b, nil
}

// ServerConfig is the plugin's side: TLS 1.3, and only the host gets in.
func (b Bundle) ServerConfig() (*tls.Config, error) {
	cert, err := b.own()
	if err != nil {
		return nil, err
	}
	host, _ := pem.Decode([]byte(b.CA))
	if host == nil {
		return nil, errNoPeer
	}
	return &tls.Config{
		MinVersion:   tls.VersionTLS13,
		Certificates: []tls.Certificate{cert},
		// One certificate is taken, as it stands: there is no chain that would have to be verified.
		ClientAuth: tls.RequireAnyClientCert,
		VerifyConnection: func(state tls.ConnectionState) error {
			if !bytes.Equal(state.PeerCertificates[0].Raw, host.Bytes) {
				return errors.New("wire: this is not the host")
			}
			return nil
		},
		// There is one connection.
		SessionTicketsDisabled: true,
		// Both ends are of one machine and one run: no need for the post-quantum exchange, which costs more.
		CurvePreferences: []tls.CurveID{tls.X25519},
	}, nil
}

// ClientConfig is the host's side, for go-plugin's ClientConfig.TLSConfig.
func (b Bundle) ClientConfig() (*tls.Config, error) {
	cert, err := b.own()
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(b.CA)) {
		return nil, errNoPeer
	}
	return &tls.Config{
		MinVersion:   tls.VersionTLS13,
		Certificates: []tls.Certificate{cert},
		RootCAs:      pool,
		// Both ends are of one machine and one run: no need for the post-quantum exchange, which costs more.
		CurvePreferences: []tls.CurveID{tls.X25519},
		ServerName:       serverName,
	}, nil
}

var errNoPeer = errors.New("wire: TLS bundle: no certificate of the other side")

func (b Bundle) own() (tls.Certificate, error) {
	cert, err := tls.X509KeyPair([]byte(b.Cert), []byte(b.Key))
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("wire: TLS bundle: %w", err)
	}
	return cert, nil
}
