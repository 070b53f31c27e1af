package web

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

func TestTheWaitGrowsWithTheDebtAndIsPaidBack(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	l := newLimits(func() time.Time { return now })
	for failures, want := range map[int]time.Duration{
		0: 0, 9: 0, 10: 6 * time.Second, 11: 12 * time.Second, 40: 31 * 6 * time.Second, 110: 101 * 6 * time.Second, 10_000: 101 * 6 * time.Second,
	} {
		ip := fmt.Sprintf("192.0.2.%d", failures%251)
		for range failures {
			l.failed(ip)
		}
		if got := l.wait(ip).Round(time.Second); got != want {
			t.Errorf("after %d failures one has to wait %s, want %s", failures, got, want)
		}
	}
	now = now.Add(31 * 6 * time.Second)
	if got := l.wait("192.0.2.40"); got != 0 {
		t.Errorf("after that time one has to wait %s", got)
	}
}

func TestNetworks(t *testing.T) {
	for ip, want := range map[string]string{
		"192.0.2.1": "192.0.2.1/32", "::ffff:192.0.2.1": "192.0.2.1/32", "2001:db8:1:2:3::4": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64",
	} {
		if got := network(ip); got != netip.MustParsePrefix(want) {
			t.Errorf("%s is counted with %s, want %s", ip, got, want)
		}
	}
	if network("nonsense") != (netip.Prefix{}) || network("") != (netip.Prefix{}) {
		t.Error("what is no address is not counted together")
	}
}

func TestWhoHasBeenQuietIsForgottenFirst(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	l := newLimits(func() time.Time { return now })
	address := func(i int) string { return fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255) }
	for i := range mostAddresses / 2 {
		l.failed(address(i))
	}
	now = now.Add(time.Minute)
	for i := mostAddresses / 2; i < mostAddresses; i++ {
		l.failed(address(i))
	}
	busy := address(mostAddresses - 1)
	for range failuresAtOnce {
		l.failed(busy)
	}
	l.failed("192.0.2.1")
	if len(l.by) != mostAddresses/2+1 || l.wait(busy) == 0 {
		t.Errorf("%d networks are remembered, and a busy one waits %s", len(l.by), l.wait(busy))
	}
	for i := range mostAddresses {
		l.failed(fmt.Sprintf("172.%d.%d.1", i>>8, i&255))
	}
	if len(l.by) > mostAddresses {
		t.Errorf("%d networks are remembered", len(l.by))
	}
}
