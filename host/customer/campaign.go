package customer

import (
	"encoding/binary"

	"mostrador/host/customer/set"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// bucketCampaign holds the campaigns in which customers converted: "i" and a number (4 bytes) → name, "n" and the
// folded name → that number, and "#" → the last number given.
const bucketCampaign store.Bucket = "customer_campaign"

// CampaignID returns the set of those who converted in a campaign, by its name.
func (s *Service) CampaignID(tx *store.Tx, name string) (set.ID, bool) {
	n := tx.Get(bucketCampaign, tagNameKey(name))
	if len(n) != 4 {
		return 0, false
	}
	return set.Campaign(binary.BigEndian.Uint32(n)), true
}

// Campaigns lists the names of the campaigns in which anybody converted.
func (s *Service) Campaigns(tx *store.Tx) (names []string) {
	for _, name := range tx.Scan(bucketCampaign, []byte{'i'}, nil) {
		names = append(names, string(name))
	}
	return names
}

// Convert notes that a customer did what a campaign asked for, with the event campaign.converted the first time.
func (s *Service) Convert(tx *store.Tx, actor *plgv1.Actor, c *plgv1.Customer, campaign string) error {
	id, found := s.CampaignID(tx, campaign)
	if !found {
		n := numberOf(tx.Get(bucketCampaign, keyLastTag)) + 1
		tx.Put(bucketCampaign, keyLastTag, numberKey(n))
		tx.Put(bucketCampaign, tagNameKey(campaign), numberKey(n))
		tx.Put(bucketCampaign, tagKey(n), []byte(campaign))
		id = set.Campaign(n)
	}
	changed, err := s.Join(tx, uint32(c.Number), id, true, actor)
	if err != nil || !changed {
		return err
	}
	return s.Log.Append(tx, &plgv1.Event{
		Type: "campaign.converted", Actor: actor, Customer: c,
		Detail: &plgv1.Event_CampaignConverted{CampaignConverted: &plgv1.CampaignConverted{Campaign: campaign}},
	})
}
