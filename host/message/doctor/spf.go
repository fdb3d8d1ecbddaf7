package doctor

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
)

const (
	// spfLookups is how many questions to DNS a record may lead to (RFC 7208 4.6.4); with one more receivers give up.
	spfLookups = 10
	// spfAddresses is how many names one mechanism may lead to.
	spfAddresses = 10
)

// policy is what following an SPF record comes to.
type policy struct {
	*visit
	lookups int
	// seen are the domains under way, so that a circle ends.
	seen []string
	// fault is the first thing for which receivers give up (permerror), as a sentence's key and arguments.
	fault string
	args  []any
	// passes tells which of the server's addresses the record allows.
	passes map[string]bool
	// ptr tells that the record uses the mechanism of that name, which RFC 7208 5.5 asks not to use.
	ptr bool
	// silent is the first question that DNS did not answer.
	silent error
}

// spf checks who may send for the domain of the return path.
func (v *visit) spf(ctx context.Context) {
	domain := v.returnDomain()
	records, err := v.spfRecords(ctx, domain)
	switch {
	case err != nil:
		v.unanswered(checkSPF, domain, err)
		return
	case len(records) == 0:
		put(v.find(checkSPF, severityError, "spf_missing", "domain", domain), domain, "TXT", "v=spf1 "+v.ourMechanism()+" ~all")
		return
	case len(records) > 1:
		v.find(checkSPF, severityError, "spf_twice", "domain", domain, "n", len(records)).Found = strings.Join(records, "\n")
		return
	}
	p := &policy{visit: v, passes: map[string]bool{}}
	all := p.follow(ctx, domain, records[0], direct)
	found := records[0]
	fixed := withMechanism(found, v.ourMechanism())
	worst := false
	switch {
	case p.fault != "":
		v.find(checkSPF, severityError, p.fault, p.args...).Found, worst = found, true
	case p.lookups > spfLookups:
		v.find(checkSPF, severityError, "spf_lookups", "n", p.lookups, "limit", spfLookups).Found, worst = found, true
	case p.silent != nil:
		v.unanswered(checkSPF, domain, p.silent)
		worst = true
	}
	switch all {
	case "+":
		f := v.find(checkSPF, severityError, "spf_all")
		f.Found, worst = found, true
		put(f, domain, "TXT", withAll(found, "~all"))
	case "", "?":
		f := v.find(checkSPF, severityWarning, "spf_open")
		f.Found, worst = found, true
		put(f, domain, "TXT", withAll(found, "~all"))
	}
	if p.ptr {
		v.find(checkSPF, severityWarning, "spf_ptr").Found, worst = found, true
	}
	for _, ip := range v.ips {
		if local(ip) || p.passes[ip.String()] || p.fault != "" {
			continue
		}
		f := v.find(checkSPF, severityWarning, "spf_server", "server", v.Server, "ip", ip.String())
		f.Found, worst = found, true
		put(f, domain, "TXT", fixed)
		break
	}
	if !worst {
		v.find(checkSPF, severityInfo, "spf_good", "n", p.lookups, "limit", spfLookups).Found = found
	}
}

// spfRecords returns the SPF records of a domain; more than one is a fault (RFC 7208 4.5).
func (v *visit) spfRecords(ctx context.Context, domain string) (records []string, err error) {
	all, err := v.txt(ctx, domain)
	for _, r := range all {
		if lower := strings.ToLower(r); lower == "v=spf1" || strings.HasPrefix(lower, "v=spf1 ") {
			records = append(records, r)
		}
	}
	return records, err
}

// ourMechanism is what allows the store's mail server.
func (v *visit) ourMechanism() string {
	if host := v.host(); host != "" {
		return "a:" + host
	}
	for _, ip := range v.ips {
		switch {
		case ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast(): // nobody outside sees it
		case ip.To4() != nil:
			return "ip4:" + ip.String()
		default:
			return "ip6:" + ip.String()
		}
	}
	return "mx"
}

// withMechanism is a record with one more mechanism at its beginning.
func withMechanism(record, mechanism string) string {
	rest := strings.TrimSpace(record[len("v=spf1"):])
	return strings.TrimSpace("v=spf1 " + mechanism + " " + rest)
}

// withAll is a record that ends with what is given.
func withAll(record, all string) string {
	terms := slices.DeleteFunc(strings.Fields(record), func(term string) bool {
		return strings.EqualFold(strings.TrimLeft(term, "+-~?"), "all")
	})
	return strings.Join(append(terms, all), " ")
}

// What a match inside an included record means for the one that includes it (RFC 7208 5.2): included records count only
// where they say yes.
const (
	// direct is the record itself, whose qualifiers speak for themselves.
	direct = ""
	// allowed and denied are records included with + and with another qualifier.
	allowed, denied = "+", "-"
	// void is a record that is included by a mechanism that does not count itself.
	void = "void"
)

// follow goes through a record and returns the qualifier of its "all", empty when it has none. through says how it came
// to it.
func (p *policy) follow(ctx context.Context, domain, record, through string) (all string) {
	if slices.Contains(p.seen, domain) {
		p.wrong("spf_circle", "domain", domain)
		return ""
	}
	p.seen = append(p.seen, domain)
	defer func() { p.seen = p.seen[:len(p.seen)-1] }()
	redirect := ""
	for _, term := range strings.Fields(record)[1:] {
		qualifier, mechanism := "+", term
		if strings.ContainsRune("+-~?", rune(term[0])) {
			qualifier, mechanism = term[:1], term[1:]
		}
		if name, value, modifier := strings.Cut(mechanism, "="); modifier && !strings.ContainsAny(name, ":/") {
			if strings.EqualFold(name, "redirect") {
				redirect = value
			}
			continue
		}
		name, argument, _ := strings.Cut(mechanism, ":")
		name, mask, _ := strings.Cut(strings.ToLower(name), "/")
		if argument == "" {
			argument = domain
		} else if name == "a" || name == "mx" {
			argument, mask, _ = strings.Cut(argument, "/")
		}
		effect := meaning(through, qualifier)
		switch name {
		case "all":
			return qualifier
		case "include":
			p.include(ctx, argument, effect)
		case "a":
			p.asks(1)
			p.match(p.hosts(ctx, argument), mask, effect)
		case "mx":
			p.asks(1)
			p.matchMX(ctx, argument, mask, effect)
		case "ptr":
			p.asks(1)
			p.ptr = true
		case "exists":
			p.asks(1)
		case "ip4", "ip6":
			p.matchNet(argument, effect)
		default:
			p.wrong("spf_unknown", "term", term)
		}
		if p.lookups > 3*spfLookups || ctx.Err() != nil {
			return all // far beyond what anybody follows
		}
	}
	if redirect == "" {
		return ""
	}
	p.asks(1)
	next, ok := p.next(ctx, redirect)
	if !ok {
		return ""
	}
	return p.follow(ctx, redirect, next, through)
}

// meaning is what a match of a mechanism comes to: allowed, denied or void.
func meaning(through, qualifier string) string {
	switch {
	case through == direct && qualifier == "+":
		return allowed
	case through == direct:
		return denied
	case qualifier == "+":
		return through
	}
	return void
}

// include follows the record of another domain, whose "all" is its own affair.
func (p *policy) include(ctx context.Context, domain, effect string) {
	p.asks(1)
	if record, ok := p.next(ctx, domain); ok {
		p.follow(ctx, domain, record, effect)
	}
}

// next returns the record of a domain that another one leads to, which must have one.
func (p *policy) next(ctx context.Context, domain string) (record string, ok bool) {
	if strings.Contains(domain, "%") {
		return "", false // depends on the mail (RFC 7208 7)
	}
	if !isName(strings.ToLower(domain)) {
		p.wrong("spf_unknown", "term", domain)
		return "", false
	}
	records, err := p.spfRecords(ctx, strings.ToLower(domain))
	switch {
	case err != nil:
		p.silence(err)
		return "", false
	case len(records) != 1:
		p.wrong("spf_include", "domain", domain)
		return "", false
	}
	return records[0], true
}

func (p *policy) asks(n int) { p.lookups += n }

func (p *policy) wrong(key string, args ...any) {
	if p.fault == "" {
		p.fault, p.args = key, args
	}
}

func (p *policy) silence(err error) {
	if p.silent == nil {
		p.silent = err
	}
}

// hosts are the addresses of a name that does not depend on the mail.
func (p *policy) hosts(ctx context.Context, name string) []net.IP {
	if !isName(strings.ToLower(name)) {
		return nil
	}
	return p.addresses(ctx, name)
}

// match notes which of the server's addresses are among those of a mechanism, as far as a mask tells (RFC 7208 5.6).
func (p *policy) match(ips []net.IP, mask, effect string) {
	v4, v6, _ := strings.Cut("/"+mask, "//")
	for _, ip := range ips {
		bits, part := "128", v6
		if ip.To4() != nil {
			bits, part = "32", strings.TrimPrefix(v4, "/")
		}
		if part == "" {
			part = bits
		}
		p.matchNet(fmt.Sprintf("%s/%s", ip, part), effect)
	}
}

func (p *policy) matchMX(ctx context.Context, domain, mask, effect string) {
	if !isName(strings.ToLower(domain)) {
		return
	}
	servers, err := p.mxOf(ctx, domain)
	if err != nil && len(servers) == 0 {
		p.silence(err)
	}
	for i, mx := range servers {
		if i == spfAddresses {
			break
		}
		p.match(p.hosts(ctx, strings.TrimSuffix(strings.ToLower(mx.Host), ".")), mask, effect)
	}
}

// matchNet notes which of the server's addresses lie in a network. The first mechanism that matches decides.
func (p *policy) matchNet(network, effect string) {
	if !strings.Contains(network, "/") {
		if net.ParseIP(network) == nil {
			p.wrong("spf_unknown", "term", network)
			return
		}
		network += "/128"
		if net.ParseIP(strings.TrimSuffix(network, "/128")).To4() != nil {
			network = strings.TrimSuffix(network, "128") + "32"
		}
	}
	_, within, err := net.ParseCIDR(network)
	if err != nil {
		p.wrong("spf_unknown", "term", network)
		return
	}
	for _, ip := range p.ips {
		if _, decided := p.passes[ip.String()]; !decided && effect != void && within.Contains(ip) {
			p.passes[ip.String()] = effect == allowed
		}
	}
}

// local tells whether an address is of no concern to anybody outside.
func local(ip net.IP) bool { return ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast() }
