package consent

import (
	"mostrador/host/api/mostradorv1"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// Import takes over an act from outside with its evidence: e has the customer, the act (given or withdrawn), when the
// customer acted, the actor and the evidence. What came later in the ledger has the last word, as always.
func (s *Service) Import(tx *store.Tx, e *mostradorv1.ConsentEntry) (*plgv1.Customer, error) {
	e.Means = plgv1.Means_MEANS_IMPORT
	if e.Act == mostradorv1.ConsentAct_CONSENT_ACT_WITHDRAWN {
		return s.withdraw(tx, e)
	}
	return s.accept(tx, e, 0)
}

// Others tells whether the ledger has an act of a customer that did not come by a channel.
func (s *Service) Others(tx *store.Tx, customerID, channel string) (bool, error) {
	entries, err := s.history(tx, customerID)
	if err != nil {
		return false, err
	}
	for _, e := range entries {
		if e.GetActor().GetChannel() != channel {
			return true, nil
		}
	}
	return false, nil
}
