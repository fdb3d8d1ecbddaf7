// Package doctor looks at a domain as the servers do that are to take its mails, and says what is wrong and what to put
// into DNS: who may send for it (SPF, RFC 7208), which keys sign (DKIM, RFC 6376), what is to become of forgeries (DMARC,
// RFC 7489), whether answers and bounces arrive (MX), and whether the server that sends has a name (PTR) and a
// certificate (TLS).
//
// It asks DNS and the mail server, changes nothing anywhere, and gives everything a deadline. One finding is one thing
// that a person can act on; its severity is that of what happens when he does not.
package doctor

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"net"
	"slices"
	"strings"
	"time"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/locale"
	"mostrador/host/message/dkim"
	"mostrador/sdk/plgv1"
)

// The checks, as findings name them.
const (
	checkSPF        = "spf"
	checkDKIM       = "dkim"
	checkDMARC      = "dmarc"
	checkPTR        = "ptr"
	checkTLS        = "tls"
	checkMX         = "mx"
	checkReturnPath = "return_path"
)

const (
	// wholeTime bounds all checks together, stepTime one question.
	wholeTime = 45 * time.Second
	stepTime  = 8 * time.Second
)

const (
	severityError   = plgv1.Severity_SEVERITY_ERROR
	severityWarning = plgv1.Severity_SEVERITY_WARNING
	severityInfo    = plgv1.Severity_SEVERITY_INFO
)

// Encryption is how the line to the mail server is protected, as message.Encryption.
type Encryption string

// The ways to protect the line.
const (
	None     Encryption = "none"
	STARTTLS Encryption = "starttls"
	TLS      Encryption = "tls"
)

// Patient is what is looked at.
type Patient struct {
	// Sender is the address in From; its domain is what is looked at when Domain is empty.
	Sender, Domain string
	// ReturnPath is the address to which bounces go; the sender's when empty.
	ReturnPath string
	// Server is the mail server that the store hands its mails to; empty when none is set.
	Server     string
	Port       int
	Encryption Encryption
}

// Config is what the doctor works with.
type Config struct {
	// Resolver asks DNS; the system's when nil.
	Resolver *net.Resolver
	// Keys returns the DKIM keys of a domain, newest first, and Published is told whose records DNS holds.
	Keys      func(ctx context.Context, domain string) ([]dkim.Key, error)
	Published func(ctx context.Context, domain string, selectors ...string) error
	// Roots are the authorities that the mail server's certificate may come from; the system's when nil.
	Roots *x509.CertPool
	Text  *locale.Catalog
	// Now is the clock; time.Now when nil.
	Now func() time.Time
}

// Doctor examines domains. It is safe for concurrent use.
type Doctor struct{ cfg Config }

// New returns a doctor.
func New(cfg Config) *Doctor {
	if cfg.Resolver == nil {
		cfg.Resolver = net.DefaultResolver
	}
	if cfg.Text == nil {
		cfg.Text = locale.New()
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Doctor{cfg}
}

// visit is one examination.
type visit struct {
	*Doctor
	Patient
	lang     string
	findings []*mostradorv1.DoctorFinding
	// ips are the addresses of the mail server.
	ips []net.IP
}

// Examine returns what there is to say, the worst first, in the language of the context. Without a domain it says so in a
// finding. The error is that of the context, or of the store.
func (d *Doctor) Examine(ctx context.Context, p Patient) ([]*mostradorv1.DoctorFinding, error) {
	ctx, cancel := context.WithTimeout(ctx, wholeTime)
	defer cancel()
	v := &visit{Doctor: d, Patient: p, lang: locale.FromContext(ctx)}
	v.Domain = dkim.Normal(cmp.Or(strings.TrimSpace(p.Domain), domainOf(p.Sender)))
	if !isName(v.Domain) {
		v.find(checkSPF, severityError, "no_domain")
		return v.findings, nil
	}
	if p.Server != "" {
		v.ips = v.addresses(ctx, strings.Trim(p.Server, "[]"))
	}
	v.spf(ctx)
	if err := v.dkim(ctx); err != nil {
		return nil, err
	}
	v.dmarc(ctx)
	v.mx(ctx)
	v.returnPath(ctx)
	v.ptr(ctx)
	v.tls(ctx)
	slices.SortStableFunc(v.findings, func(a, b *mostradorv1.DoctorFinding) int { return cmp.Compare(a.Severity, b.Severity) })
	return v.findings, nil
}

// find adds a finding with a sentence, and returns it so that what DNS says and what to put there can be added.
func (v *visit) find(check string, severity plgv1.Severity, key string, args ...any) *mostradorv1.DoctorFinding {
	f := &mostradorv1.DoctorFinding{Check: check, Severity: severity, Words: v.cfg.Text.Text(v.lang, "doctor."+key, args...)}
	v.findings = append(v.findings, f)
	return f
}

// put says what to put into DNS.
func put(f *mostradorv1.DoctorFinding, name, kind, value string) {
	f.Name, f.Type, f.Value = name, kind, value
}

// unanswered adds that DNS gave no answer, which says nothing about what stands there.
func (v *visit) unanswered(check, name string, err error) {
	v.find(check, severityWarning, "dns_silent", "name", name, "problem", reason(err))
}

// reason is a fault of DNS without what is known already.
func reason(err error) string {
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return dns.Err
	}
	return err.Error()
}

// absent tells whether DNS answered that there is nothing.
func absent(err error) bool {
	var dns *net.DNSError
	return errors.As(err, &dns) && dns.IsNotFound
}

// txt returns the TXT records of a name; none is no error.
func (v *visit) txt(ctx context.Context, name string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, stepTime)
	defer cancel()
	records, err := v.cfg.Resolver.LookupTXT(ctx, name+".")
	if absent(err) {
		return nil, nil
	}
	return records, err
}

// addresses returns the addresses of a host, or itself when it is one.
func (v *visit) addresses(ctx context.Context, host string) []net.IP {
	if ip := net.ParseIP(host); ip != nil {
		return []net.IP{ip}
	}
	ctx, cancel := context.WithTimeout(ctx, stepTime)
	defer cancel()
	ips, _ := v.cfg.Resolver.LookupIP(ctx, "ip", strings.TrimSuffix(host, ".")+".") // none: the checks that need them say so
	return ips
}

// mxOf returns the mail servers of a domain; none is no error.
func (v *visit) mxOf(ctx context.Context, domain string) ([]*net.MX, error) {
	ctx, cancel := context.WithTimeout(ctx, stepTime)
	defer cancel()
	servers, err := v.cfg.Resolver.LookupMX(ctx, domain+".")
	if absent(err) {
		return nil, nil
	}
	return servers, err
}

// mx checks that answers of customers arrive.
func (v *visit) mx(ctx context.Context) {
	v.takesMail(ctx, checkMX, v.Domain)
}

// takesMail says whether mails to a domain arrive anywhere.
func (v *visit) takesMail(ctx context.Context, check, domain string) {
	servers, err := v.mxOf(ctx, domain)
	switch {
	case err != nil && len(servers) == 0:
		v.unanswered(check, domain, err)
	case len(servers) == 1 && servers[0].Host == ".": // RFC 7505
		v.find(check, severityError, "mx_null", "domain", domain).Found = "."
	case len(servers) > 0:
		v.find(check, severityInfo, "mx_good", "domain", domain).Found = servers[0].Host
	case len(v.addresses(ctx, domain)) > 0: // RFC 5321 5.1: the domain's own address takes the mail's place
		put(v.find(check, severityWarning, "mx_missing", "domain", domain), domain, "MX", "10 "+cmp.Or(v.host(), "mail."+domain)+".")
	default:
		put(v.find(check, severityError, "mx_none", "domain", domain), domain, "MX", "10 "+cmp.Or(v.host(), "mail."+domain)+".")
	}
}

// host is the name of the mail server, empty when it has none.
func (v *visit) host() string {
	host := strings.Trim(v.Server, "[]")
	if net.ParseIP(host) != nil {
		return ""
	}
	return strings.TrimSuffix(host, ".")
}

// returnPath checks that bounces arrive, when they go elsewhere than answers.
func (v *visit) returnPath(ctx context.Context) {
	if domain := v.returnDomain(); domain != v.Domain {
		v.takesMail(ctx, checkReturnPath, domain)
	}
}

// returnDomain is the domain that bounces go to, which is the one that SPF is about.
func (v *visit) returnDomain() string {
	return dkim.Normal(cmp.Or(domainOf(v.ReturnPath), v.Domain))
}

// domainOf is the part of an address behind the @, empty when there is none.
func domainOf(email string) string {
	_, domain, _ := strings.Cut(email, "@")
	return strings.TrimSpace(domain)
}

// isName tells whether a text can be asked DNS for.
func isName(domain string) bool {
	if len(domain) == 0 || len(domain) > 253 || !strings.Contains(domain, ".") {
		return false
	}
	for _, label := range strings.Split(domain, ".") {
		if len(label) == 0 || len(label) > 63 || strings.ContainsFunc(label, func(r rune) bool {
			return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '_')
		}) {
			return false
		}
	}
	return true
}
