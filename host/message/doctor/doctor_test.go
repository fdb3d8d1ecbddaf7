package doctor

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"maps"
	"math/big"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/locale"
	"mostrador/host/message/dkim"
)

// keys are those of the store of the tests: none of them signs yet.
func keys(domain string) []dkim.Key {
	return []dkim.Key{
		{Domain: domain, Selector: "20261128r", Algorithm: dkim.RSA, Created: noon, Public: strings.Repeat("MIIB", 98)},
		{Domain: domain, Selector: "20261128e", Algorithm: dkim.Ed25519, Created: noon, Public: "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="},
	}
}

// good is the DNS of a domain in which all is well.
func good() zone {
	z := zone{
		"tienda.es TXT": {"google-site-verification=x", "v=spf1 include:_spf.proveedor.net ip4:203.0.113.9 ~all"},
		"tienda.es MX":  {"mx.tienda.es."}, "_spf.proveedor.net TXT": {"v=spf1 ip4:198.51.100.0/24 -all"},
		"_dmarc.tienda.es TXT": {"v=DMARC1; p=quarantine; rua=mailto:x@tienda.es"},
		"smtp.proveedor.net A": {"198.51.100.7"}, "7.100.51.198.in-addr.arpa PTR": {"smtp.proveedor.net."},
	}
	for _, k := range keys("tienda.es") {
		z[k.Name()+" TXT"] = []string{k.Value()}
	}
	return z
}

// examine returns what a doctor says who asks this zone.
func examine(t *testing.T, z zone, p Patient) (said []*mostradorv1.DoctorFinding, published []string) {
	t.Helper()
	d := New(Config{
		Resolver: maps.Clone(z).serve(t), Now: func() time.Time { return noon },
		Keys: func(_ context.Context, domain string) ([]dkim.Key, error) { return keys(domain), nil },
		Published: func(_ context.Context, _ string, selectors ...string) error {
			published = append(published, selectors...)
			return nil
		},
	})
	said, err := d.Examine(locale.NewContext(t.Context(), "en"), p)
	if err != nil {
		t.Fatal(err)
	}
	return said, published
}

// patient hands its mails to a server of a provider, which is not spoken to in most tests.
var patient = Patient{Sender: "hola@tienda.es", Server: "smtp.proveedor.net", Encryption: None}

// of returns the findings of a check that are not all right, as "severity words-key name type value".
func of(said []*mostradorv1.DoctorFinding, check string) (list []string) {
	for _, f := range said {
		if f.Check == check && f.Severity != severityInfo {
			list = append(list, strings.TrimSpace(fmt.Sprintf("%s: %s | %s %s %s",
				strings.ToLower(strings.TrimPrefix(f.Severity.String(), "SEVERITY_")), f.Words, f.Name, f.Type, f.Value)))
		}
	}
	return list
}

func TestAHealthyDomain(t *testing.T) {
	said, published := examine(t, good(), patient)
	for _, f := range said {
		if f.Check != checkTLS && f.Severity != severityInfo {
			t.Errorf("%s: %s", f.Check, f.Words)
		}
	}
	slices.Sort(published)
	if !slices.Equal(published, []string{"20261128e", "20261128r"}) {
		t.Errorf("the keyring is told of %v", published)
	}
	checks := map[string]bool{}
	for _, f := range said {
		checks[f.Check] = true
	}
	for _, check := range []string{checkSPF, checkDKIM, checkDMARC, checkMX, checkPTR, checkTLS} {
		if !checks[check] {
			t.Errorf("nothing is said about %s", check)
		}
	}
}

func TestWhatIsWrongIsSaid(t *testing.T) {
	for name, test := range map[string]struct {
		check  string
		change func(z zone)
		want   []string // parts of one finding, or none of any
	}{
		"no SPF": {checkSPF, func(z zone) { z["tienda.es TXT"] = nil },
			[]string{"error:", "does not say who may send", "| tienda.es TXT v=spf1 a:smtp.proveedor.net ~all"}},
		"two SPF": {checkSPF, func(z zone) { z["tienda.es TXT"] = []string{"v=spf1 -all", "v=spf1 ~all"} }, []string{"error:", "2 SPF records"}},
		"+all": {checkSPF, func(z zone) { z["tienda.es TXT"] = []string{"v=spf1 ip4:198.51.100.7 +all"} },
			[]string{"error:", "tienda.es TXT v=spf1 ip4:198.51.100.7 ~all"}},
		"no all": {checkSPF, func(z zone) { z["tienda.es TXT"] = []string{"v=spf1 ip4:198.51.100.7"} }, []string{"warning:", "TXT v=spf1 ip4:198.51.100.7 ~all"}},
		"a server that SPF does not name": {checkSPF, func(z zone) { z["tienda.es TXT"] = []string{"v=spf1 mx -all"} },
			[]string{"warning:", "(198.51.100.7)", "TXT v=spf1 a:smtp.proveedor.net mx -all"}},
		"a server that an include denies": {checkSPF, func(z zone) { z["_spf.proveedor.net TXT"] = []string{"v=spf1 -ip4:198.51.100.0/24 ~all"} }, []string{"warning:", "does not name"}},
		"by a mask": {checkSPF, func(z zone) {
			z["tienda.es TXT"] = []string{"v=spf1 a:other.net/24//64 -all"}
			z["other.net A"] = []string{"198.51.100.99"}
		}, nil},
		"by a redirect": {checkSPF, func(z zone) { z["tienda.es TXT"] = []string{"v=spf1 redirect=_spf.proveedor.net"} }, nil},
		"by mx": {checkSPF, func(z zone) {
			z["tienda.es TXT"] = []string{"v=spf1 mx -all"}
			z["mx.tienda.es A"] = []string{"198.51.100.7"}
		}, nil},
		"too many look-ups": {checkSPF, func(z zone) {
			record := "v=spf1 ip4:198.51.100.7"
			for i := range 11 {
				z[fmt.Sprintf("i%d.net TXT", i)] = []string{"v=spf1 -all"}
				record += fmt.Sprintf(" include:i%d.net", i)
			}
			z["tienda.es TXT"] = []string{record + " -all"}
		}, []string{"error:", "11 look-ups"}},
		"a circle":               {checkSPF, func(z zone) { z["_spf.proveedor.net TXT"] = []string{"v=spf1 include:tienda.es -all"} }, []string{"error:", "includes itself"}},
		"an include of nothing":  {checkSPF, func(z zone) { delete(z, "_spf.proveedor.net TXT") }, []string{"error:", "_spf.proveedor.net"}},
		"a word of nobody":       {checkSPF, func(z zone) { z["tienda.es TXT"] = []string{"v=spf1 ipv4:198.51.100.7 -all"} }, []string{"error:", "ipv4:198.51.100.7"}},
		"ptr":                    {checkSPF, func(z zone) { z["tienda.es TXT"] = []string{"v=spf1 ip4:198.51.100.7 ptr -all"} }, []string{"warning:", "“ptr”"}},
		"DNS that does not work": {checkSPF, func(z zone) { z["tienda.es TXT"] = []string{"SERVFAIL"} }, []string{"warning:", "DNS does not answer"}},
		"no DKIM": {checkDKIM, func(z zone) { delete(z, "20261128e._domainkey.tienda.es TXT") },
			[]string{"error:", "ED25519", "| 20261128e._domainkey.tienda.es TXT v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="}},
		"another key": {checkDKIM, func(z zone) { z["20261128e._domainkey.tienda.es TXT"] = []string{"v=DKIM1; k=ed25519; p=AAAA"} },
			[]string{"error:", "something other"}},
		"a key with spaces": {checkDKIM, func(z zone) {
			z["20261128e._domainkey.tienda.es TXT"] = []string{"k=ed25519;  p = 11qYAYKxCrfVS/7T yWQHOg7hcvPapiMlrwIaaPcHURo="}
		}, nil},
		"no DMARC": {checkDMARC, func(z zone) { delete(z, "_dmarc.tienda.es TXT") },
			[]string{"error:", "| _dmarc.tienda.es TXT v=DMARC1; p=none; rua=mailto:hola@tienda.es"}},
		"two DMARC": {checkDMARC, func(z zone) { z["_dmarc.tienda.es TXT"] = []string{"v=DMARC1; p=none", "v=DMARC1; p=reject"} }, []string{"error:", "2 DMARC"}},
		"no policy": {checkDMARC, func(z zone) { z["_dmarc.tienda.es TXT"] = []string{"v=DMARC1; rua=mailto:x@y.z"} }, []string{"error:", "_dmarc.tienda.es TXT"}},
		"no MX":     {checkMX, func(z zone) { delete(z, "tienda.es MX") }, []string{"error:", "tienda.es MX 10 smtp.proveedor.net."}},
		"only an A": {checkMX, func(z zone) { delete(z, "tienda.es MX"); z["tienda.es A"] = []string{"198.51.100.1"} }, []string{"warning:"}},
		"null MX":   {checkMX, func(z zone) { z["tienda.es MX"] = []string{"."} }, []string{"error:", "takes no mail"}},
		"no PTR": {checkPTR, func(z zone) { delete(z, "7.100.51.198.in-addr.arpa PTR") },
			[]string{"warning:", "| 7.100.51.198.in-addr.arpa PTR smtp.proveedor.net."}},
		"a PTR that leads elsewhere": {checkPTR, func(z zone) { z["7.100.51.198.in-addr.arpa PTR"] = []string{"pool.isp.net."} },
			[]string{"warning:", "| pool.isp.net A 198.51.100.7"}},
		"no such server": {checkPTR, func(z zone) { delete(z, "smtp.proveedor.net A") }, []string{"error:", "cannot be found"}},
	} {
		t.Run(name, func(t *testing.T) {
			z := good()
			test.change(z)
			said, _ := examine(t, z, patient)
			got := of(said, test.check)
			if test.want == nil {
				if len(got) != 0 {
					t.Errorf("%v", got)
				}
				return
			}
			if !slices.ContainsFunc(got, func(f string) bool {
				return !slices.ContainsFunc(test.want, func(part string) bool { return !strings.Contains(f, part) })
			}) {
				t.Errorf("%q, want one with %q", got, test.want)
			}
		})
	}
}

func TestAnotherReturnPathIsLookedAt(t *testing.T) {
	z := good()
	z["rebotes.net TXT"] = []string{"v=spf1 ip4:198.51.100.7 -all"}
	p := patient
	p.ReturnPath = "r@rebotes.net"
	said, _ := examine(t, z, p)
	if got := of(said, checkReturnPath); len(got) != 1 || !strings.Contains(got[0], "rebotes.net MX") {
		t.Errorf("its mailbox: %q", got)
	}
	if got := of(said, checkDMARC); len(got) != 1 || !strings.Contains(got[0], "same domain") {
		t.Errorf("its alignment: %q", got)
	}
	p.ReturnPath = "r@correo.tienda.es"
	z["correo.tienda.es TXT"], z["correo.tienda.es MX"] = []string{"v=spf1 ip4:198.51.100.7 -all"}, []string{"mx.tienda.es."}
	said, _ = examine(t, z, p)
	if got := of(said, checkDMARC); len(got) != 0 {
		t.Errorf("a subdomain is not aligned: %q", got)
	}
	z["_dmarc.tienda.es TXT"] = []string{"v=DMARC1; p=none; aspf=s"}
	said, _ = examine(t, z, p)
	if got := of(said, checkDMARC); len(got) != 1 {
		t.Errorf("a subdomain is aligned where that is strict: %q", got)
	}
}

func TestNoDomainIsAFinding(t *testing.T) {
	for _, domain := range []string{"", "localhost", "a..b", "x y.es", strings.Repeat("a.", 200) + "es"} {
		said, _ := examine(t, zone{}, Patient{Domain: domain})
		if len(said) != 1 || said[0].Severity != severityError {
			t.Errorf("%q: %v", domain, said)
		}
	}
}

// relay is a mail server on the loopback with a certificate of its own.
func relay(t *testing.T, cert tls.Certificate, implicit, offers bool) (port int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	config := &tls.Config{Certificates: []tls.Certificate{cert}}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
				if implicit {
					_ = tls.Server(conn, config).Handshake()
					return
				}
				fmt.Fprint(conn, "220 relay ESMTP\r\n")
				for lines := bufio.NewScanner(conn); lines.Scan(); {
					switch verb, _, _ := strings.Cut(lines.Text(), " "); {
					case verb == "EHLO" && offers:
						fmt.Fprint(conn, "250-relay\r\n250-STARTTLS\r\n250 SIZE 1000\r\n")
					case verb == "EHLO":
						fmt.Fprint(conn, "250 relay\r\n")
					case verb == "STARTTLS":
						fmt.Fprint(conn, "220 go on\r\n")
						_ = tls.Server(conn, config).Handshake()
						return
					}
				}
			}()
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}

// certificate is one for a name until a time, signed by itself.
func certificate(t *testing.T, name string, until time.Time) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: noon.AddDate(-1, 0, 0), NotAfter: until, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

func TestTheLineToTheServer(t *testing.T) {
	year := noon.AddDate(1, 0, 0)
	for name, test := range map[string]struct {
		name       string
		until      time.Time
		trusted    bool
		encryption Encryption
		offers     bool
		want       string
	}{
		"all is well":             {"smtp.tienda.es", year, true, STARTTLS, true, "info: The connection"},
		"TLS from the start":      {"smtp.tienda.es", year, true, TLS, true, "info: The connection"},
		"STARTTLS is not offered": {"smtp.tienda.es", year, true, STARTTLS, false, "error: smtp.tienda.es does not offer STARTTLS"},
		"for another name":        {"otro.es", year, true, STARTTLS, true, "error: The certificate of smtp.tienda.es is for another name (otro.es)"},
		"of nobody":               {"smtp.tienda.es", year, false, STARTTLS, true, "error: Nobody answers"},
		"it has expired":          {"smtp.tienda.es", noon.AddDate(0, 0, -1), true, STARTTLS, true, "error: The certificate of smtp.tienda.es expired on 2026-11-27"},
		"it expires soon":         {"smtp.tienda.es", noon.AddDate(0, 0, 9), true, TLS, true, "warning: The certificate of smtp.tienda.es expires on 2026-12-07"},
		"no encryption":           {"smtp.tienda.es", year, true, None, true, "info: Mail travels unencrypted to smtp.tienda.es, which is in this network"},
	} {
		t.Run(name, func(t *testing.T) {
			cert, roots := certificate(t, test.name, test.until)
			if !test.trusted {
				roots = x509.NewCertPool()
			}
			z := zone{"smtp.tienda.es A": {"127.0.0.1"}}
			d := New(Config{Resolver: z.serve(t), Roots: roots, Now: func() time.Time { return noon }})
			said, err := d.Examine(locale.NewContext(t.Context(), "en"), Patient{
				Sender: "hola@tienda.es", Server: "smtp.tienda.es", Encryption: test.encryption,
				Port: relay(t, cert, test.encryption == TLS, test.offers),
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range said {
				if f.Check == checkTLS {
					got := strings.ToLower(strings.TrimPrefix(f.Severity.String(), "SEVERITY_")) + ": " + f.Words
					if !strings.HasPrefix(got, test.want) {
						t.Errorf("%s", got)
					}
					return
				}
			}
			t.Error("nothing is said about the line")
		})
	}
}

func TestASilentServerIsGivenUp(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	v := &visit{Doctor: New(Config{}), Patient: Patient{
		Server: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, Encryption: STARTTLS,
	}, ips: []net.IP{net.IPv4(127, 0, 0, 1)}}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := v.shake(ctx); err == nil {
		t.Error("a server that says nothing is taken for one")
	}
}

func FuzzSPF(f *testing.F) {
	for _, record := range []string{"v=spf1 include:a.b -all", "v=spf1 a/24//64 mx:x.y/8 ip6:::1/64 ~all", "v=spf1 redirect=%{d} exists:%{i}.x", "v=spf1 + - : / ="} {
		f.Add(record)
	}
	f.Fuzz(func(t *testing.T, record string) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // nobody is asked
		p := &policy{visit: &visit{Doctor: New(Config{}), ips: []net.IP{net.IPv4(1, 2, 3, 4)}}, passes: map[string]bool{}}
		if len(strings.Fields(record)) > 0 {
			p.follow(ctx, "a.b", record, direct)
		}
		withAll(record, "~all")
		tags(record)
	})
}
