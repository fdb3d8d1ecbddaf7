package doctor

import (
	"context"
	"fmt"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// dkim checks that DNS holds the keys that mails are signed with, and tells the keyring which ones it holds.
func (v *visit) dkim(ctx context.Context) error {
	if v.cfg.Keys == nil {
		return nil
	}
	keys, err := v.cfg.Keys(ctx, v.Domain)
	if err != nil {
		return err
	}
	signs := map[string]bool{}
	for _, k := range keys {
		signs[k.Algorithm] = signs[k.Algorithm] || k.Signs
	}
	var published []string
	current := map[string]bool{}
	for _, k := range keys {
		// The newest of each algorithm is to stand in DNS, and until it does the one that signs; older ones have served.
		newest := !current[k.Algorithm]
		current[k.Algorithm] = true
		if !newest && !k.Signs {
			continue
		}
		records, err := v.txt(ctx, k.Name())
		if err != nil {
			v.unanswered(checkDKIM, k.Name(), err)
			continue
		}
		found := strings.Join(records, "\n")
		switch {
		case len(records) == 1 && tags(records[0])["p"] == k.Public:
			published = append(published, k.Selector)
			v.find(checkDKIM, severityInfo, "dkim_good", "algorithm", strings.ToUpper(k.Algorithm), "selector", k.Selector).Found = found
			continue
		case len(records) == 0 && k.Published.IsZero() && signs[k.Algorithm]:
			f := v.find(checkDKIM, severityWarning, "dkim_successor", "algorithm", strings.ToUpper(k.Algorithm))
			put(f, k.Name(), "TXT", k.Value())
		case len(records) == 0:
			f := v.find(checkDKIM, severityError, "dkim_missing", "algorithm", strings.ToUpper(k.Algorithm))
			put(f, k.Name(), "TXT", k.Value())
		default:
			f := v.find(checkDKIM, severityError, "dkim_other", "name", k.Name())
			f.Found = found
			put(f, k.Name(), "TXT", k.Value())
		}
	}
	if len(published) > 0 && v.cfg.Published != nil {
		return v.cfg.Published(ctx, v.Domain, published...)
	}
	return nil
}

// tags reads a list of tags (RFC 6376 3.2); white space in values means nothing.
func tags(record string) map[string]string {
	list := map[string]string{}
	for _, tag := range strings.Split(record, ";") {
		name, value, _ := strings.Cut(tag, "=")
		list[strings.ToLower(strings.TrimSpace(name))] = strings.Join(strings.Fields(value), "")
	}
	return list
}

// dmarc checks what receivers are asked to do with forgeries, and whether the store's own mails are none in their eyes.
func (v *visit) dmarc(ctx context.Context) {
	records, name, err := v.dmarcRecords(ctx)
	if err != nil {
		v.unanswered(checkDMARC, name, err)
		return
	}
	sender := v.Sender
	if domainOf(sender) == "" {
		sender = "postmaster@" + v.Domain
	}
	switch {
	case len(records) == 0:
		put(v.find(checkDMARC, severityError, "dmarc_missing", "domain", v.Domain), "_dmarc."+v.Domain, "TXT",
			"v=DMARC1; p=none; rua=mailto:"+sender)
		return
	case len(records) > 1:
		v.find(checkDMARC, severityError, "dmarc_twice", "name", name, "n", len(records)).Found = strings.Join(records, "\n")
		return
	}
	record := records[0]
	policy := tags(record)
	switch p := strings.ToLower(policy["p"]); p {
	case "quarantine", "reject":
		v.find(checkDMARC, severityInfo, "dmarc_good", "policy", p).Found = record
	case "none":
		v.find(checkDMARC, severityInfo, "dmarc_none").Found = record
	default:
		f := v.find(checkDMARC, severityError, "dmarc_policy", "name", name)
		f.Found = record
		put(f, name, "TXT", "v=DMARC1; p=none; rua=mailto:"+sender)
	}
	// DKIM signs for the domain of From itself, which is aligned in every mode. SPF speaks for the return path.
	if returns := v.returnDomain(); returns != v.Domain {
		strict := strings.EqualFold(policy["aspf"], "s")
		if strict || organisation(returns) != organisation(v.Domain) {
			v.find(checkDMARC, severityWarning, "dmarc_unaligned", "return", returns, "domain", v.Domain).Found = record
		}
	}
}

// dmarcRecords returns the records that are in force for the domain: its own, or those of the organisation's domain
// (RFC 7489 6.6.3), and under which name they stand.
func (v *visit) dmarcRecords(ctx context.Context) (records []string, name string, err error) {
	domains := []string{v.Domain}
	if whole := organisation(v.Domain); whole != v.Domain {
		domains = append(domains, whole)
	}
	for _, domain := range domains {
		name = "_dmarc." + domain
		all, err := v.txt(ctx, name)
		if err != nil {
			return nil, name, err
		}
		for _, r := range all {
			if version, _, _ := strings.Cut(r, ";"); strings.EqualFold(strings.ReplaceAll(version, " ", ""), "v=DMARC1") {
				records = append(records, r)
			}
		}
		if len(records) > 0 {
			break
		}
	}
	return records, name, nil
}

// organisation is the domain that somebody registered: the public suffix and one label more.
func organisation(domain string) string {
	whole, err := publicsuffix.EffectiveTLDPlusOne(domain)
	if err != nil {
		return domain
	}
	return whole
}

// reverse is the name under which the names of an address stand in DNS (RFC 1035 3.5, RFC 3596 2.5).
func reverse(ip []byte) string {
	var b strings.Builder
	if len(ip) == 4 {
		for i := 3; i >= 0; i-- {
			fmt.Fprintf(&b, "%d.", ip[i])
		}
		return b.String() + "in-addr.arpa"
	}
	for i := len(ip) - 1; i >= 0; i-- {
		fmt.Fprintf(&b, "%x.%x.", ip[i]&0xf, ip[i]>>4)
	}
	return b.String() + "ip6.arpa"
}
