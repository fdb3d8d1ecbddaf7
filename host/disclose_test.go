package host

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

func whole() *plgv1.Event {
	return &plgv1.Event{
		Sequence: 7, Type: "customer.changed", Time: timestamppb.Now(),
		Actor: &plgv1.Actor{Operator: "Marta", Till: "2", Channel: "gui", Ip: "203.0.113.9", UserAgent: "agent"},
		Customer: &plgv1.Customer{
			Id: "c1", Name: "Lucía", Phone: "+34600111222", Email: "lucia@example.com", Language: "es",
			Cards: []string{"2901"}, Tags: []string{"vip"}, AplicaPromociones: true, Revision: 3,
			Fields:  map[string]string{"plg0009_own": "mine", "plg0001_other": "theirs"},
			Consent: &plgv1.Consent{Promotions: plgv1.ConsentState_CONSENT_STATE_GIVEN},
		},
		Detail: &plgv1.Event_CustomerChanged{CustomerChanged: &plgv1.CustomerChanged{Changes: []*plgv1.FieldChange{
			{Field: "phone", From: "+34600000000", To: "+34600111222"}, {Field: "name", From: "L", To: "Lucía"},
			{Field: "plg0009_own", From: "a", To: "mine"},
		}}},
	}
}

func TestAPluginSeesWhatItsManifestAsksForAndNoMore(t *testing.T) {
	secrets := map[string][]string{
		"contact": {"+34600111222", "+34600000000", "lucia@example.com", "2901", "203.0.113.9"},
		"who":     {"Lucía", "vip", "theirs"},
	}
	for name, test := range map[string]struct {
		permissions []string
		hidden      []string
		consent     bool
	}{
		"nothing":                 {nil, []string{"contact", "who"}, false},
		"the customer":            {[]string{"customer:read"}, []string{"contact"}, true},
		"contact":                 {[]string{"customer.contact:read"}, nil, true},
		"consent without persons": {[]string{"consent:read"}, []string{"contact", "who"}, true},
		"sending is not reading":  {[]string{"message.email:send", "customer.fields:write"}, []string{"contact", "who"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			d := disclosureOf(&manifest.Manifest{ID: "PLG0009", Permissions: test.permissions})
			data, err := proto.Marshal(whole())
			if err != nil {
				t.Fatal(err)
			}
			seen := &plgv1.Event{}
			if err := proto.Unmarshal(d.event(data), seen); err != nil {
				t.Fatal(err)
			}
			said := seen.String()
			for group, words := range secrets {
				for _, word := range words {
					hidden := false
					for _, h := range test.hidden {
						hidden = hidden || h == group
					}
					if strings.Contains(said, word) == hidden {
						t.Errorf("%q shown: %v in %s", word, !hidden, said)
					}
				}
			}
			if c := seen.GetCustomer(); c.GetId() != "c1" || c.GetFields()["plg0009_own"] != "mine" || c.GetRevision() != 3 ||
				(c.GetConsent() != nil) != test.consent || seen.GetSequence() != 7 || seen.GetActor().GetTill() != "2" {
				t.Errorf("seen %s", said)
			}
			person, err := d.person(whole().GetCustomer())
			if err != nil || !proto.Equal(person, seen.GetCustomer()) {
				t.Errorf("a button shows %v, an event %v (%v)", person, seen.GetCustomer(), err)
			}
		})
	}
}

func TestWhatOtherSystemsTellIsSeenByWhoMaySeeContacts(t *testing.T) {
	data, err := structpb.NewStruct(map[string]any{"email": "lucia@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		eventType, permission string
		seen                  bool
	}{
		{"external.faq.asked", "customer:read", false},
		{"external.faq.asked", "customer.contact:read", true},
		{"plg0001.said", "customer:read", true},
	} {
		d := disclosureOf(&manifest.Manifest{ID: "PLG0009", Permissions: []string{test.permission}})
		encoded, err := proto.Marshal(&plgv1.Event{Type: test.eventType, Detail: &plgv1.Event_Custom{Custom: data}})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(string(d.event(encoded)), "lucia@example.com"); got != test.seen {
			t.Errorf("%s with %s: seen %v", test.eventType, test.permission, got)
		}
	}
}

func TestWhoWentInAMergeIsShownLikeWhoStayed(t *testing.T) {
	for _, detail := range []*plgv1.Event{
		{Detail: &plgv1.Event_CustomerMerged{CustomerMerged: &plgv1.CustomerMerged{Gone: whole().Customer, Merge: 4}}},
		{Detail: &plgv1.Event_CustomerUnmerged{CustomerUnmerged: &plgv1.CustomerUnmerged{Gone: whole().Customer, Merge: 4}}},
	} {
		data, err := proto.Marshal(detail)
		if err != nil {
			t.Fatal(err)
		}
		seen := &plgv1.Event{}
		if err := proto.Unmarshal(disclosureOf(&manifest.Manifest{ID: "PLG0009"}).event(data), seen); err != nil {
			t.Fatal(err)
		}
		said := seen.String()
		if strings.Contains(said, "Lucía") || strings.Contains(said, "600111222") || !strings.Contains(said, "c1") || !strings.Contains(said, "merge:4") {
			t.Errorf("seen %s", said)
		}
	}
}

func TestEventsOfSalesAndConsentReachOnlyWhoMayReadThem(t *testing.T) {
	none := disclosureOf(&manifest.Manifest{ID: "PLG0009"})
	sales := disclosureOf(&manifest.Manifest{ID: "PLG0009", Permissions: []string{manifest.PermissionReadSales}})
	for kind, want := range map[string][2]bool{
		"sale.completed": {false, true}, "consent.given": {false, false}, "customer.registered": {true, true}, "scheduled": {true, true},
		"segment.joined": {false, false}, "campaign.converted": {false, false}, "customer.merged": {true, true},
		"external.cart.abandoned": {false, false}, "subscription.changed": {false, false},
	} {
		if none.handles(kind) != want[0] || sales.handles(kind) != want[1] {
			t.Errorf("%s: %v %v", kind, none.handles(kind), sales.handles(kind))
		}
	}
}

func FuzzCut(f *testing.F) {
	data, _ := proto.Marshal(whole())
	f.Add(data)
	d := disclosureOf(&manifest.Manifest{ID: "PLG0009"})
	f.Fuzz(func(t *testing.T, data []byte) {
		e := &plgv1.Event{}
		if proto.Unmarshal(data, e) != nil {
			d.event(data) // must not panic
			return
		}
		seen := &plgv1.Event{}
		if err := proto.Unmarshal(d.event(data), seen); err != nil {
			t.Fatal(err)
		}
		if c := seen.GetCustomer(); c.GetPhone() != "" || c.GetEmail() != "" || c.GetName() != "" || seen.GetActor().GetIp() != "" {
			t.Errorf("left: %v", seen)
		}
	})
}
