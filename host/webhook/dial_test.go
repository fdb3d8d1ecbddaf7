package webhook

import (
	"net/netip"
	"testing"
)

func TestPublicAddressesAreTheInternets(t *testing.T) {
	for address, want := range map[string]bool{
		"93.184.216.34": true, "2606:2800:220:1:248:1893:25c8:1946": true, "8.8.8.8": true,
		"127.0.0.1": false, "::1": false, "0.0.0.0": false, "::": false, "10.0.0.1": false, "172.16.0.1": false, "192.168.1.1": false,
		"169.254.169.254": false, "fe80::1": false, "fd00::1": false, "fec0::1": false, "100.64.0.1": false, "192.0.0.8": false,
		"198.18.0.1": false, "203.0.113.1": false, "224.0.0.1": false, "ff02::1": false, "255.255.255.255": false, "240.0.0.1": false,
		"::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "64:ff9b::7f00:1": false, "2002:7f00:1::": false, "2001::1": false,
		"2001:db8::1": false, "100::1": false,
	} {
		ip := netip.MustParseAddr(address).Unmap()
		if public(ip) != want {
			t.Errorf("%s: public %v", address, !want)
		}
	}
	if link := netip.MustParseAddr("169.254.169.254"); near(link) {
		t.Error("a technician could allow the metadata of a cloud")
	}
}
