package customer

import (
	"errors"
	"fmt"

	"mostrador/host/customer/finder"
	"mostrador/host/customer/set"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// Known is everything that is known of a customer, as conditions and followers see it.
type Known struct {
	Customer *plgv1.Customer
	Facts    Facts
	// Sets are those that the customer is in.
	Sets []set.ID
}

// Follower is told of every change of a customer within the transaction of the change. was is nil for a new
// customer, is for one who goes. It must not change either, nor the customer.
type Follower interface {
	Follow(tx *store.Tx, was, is *Known, actor *plgv1.Actor) error
}

// AddFollower has f told of every change from now on. Followers are added before the service is used.
func (s *Service) AddFollower(f Follower) { s.followers = append(s.followers, f) }

// Known returns what is known of a customer whose record is c.
func (s *Service) Known(tx *store.Tx, c *plgv1.Customer) (*Known, error) {
	facts, err := s.Facts(tx, uint32(c.Number))
	if err != nil {
		return nil, err
	}
	sets, err := s.sets.Of(tx, uint32(c.Number))
	if err != nil {
		return nil, err
	}
	return &Known{Customer: c, Facts: facts, Sets: sets}, nil
}

// tell tells the followers of a change of the record or of tags. Facts and the other sets are as they are.
func (s *Service) tell(tx *store.Tx, was, is *plgv1.Customer, before []set.ID, actor *plgv1.Actor) error {
	if len(s.followers) == 0 {
		return nil
	}
	var then, now *Known
	if is != nil {
		var err error
		if now, err = s.Known(tx, is); err != nil {
			return err
		}
	}
	if was != nil {
		then = &Known{Customer: was, Sets: before}
		if now != nil {
			then.Facts = now.Facts
		}
	}
	return s.follow(tx, then, now, actor)
}

func (s *Service) follow(tx *store.Tx, was, is *Known, actor *plgv1.Actor) error {
	for _, f := range s.followers {
		if err := f.Follow(tx, was, is, actor); err != nil {
			return err
		}
	}
	return nil
}

// Note changes what the store counts of a customer, of whom it may be that there is nobody any more: then it
// does nothing.
func (s *Service) Note(tx *store.Tx, number uint32, actor *plgv1.Actor, change func(*Facts)) error {
	was, err := s.Facts(tx, number)
	if err != nil {
		return err
	}
	is := was.clone()
	change(&is)
	c, err := s.ByNumber(tx, number)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	tx.Put(bucketFact, numberKey(number), is.encode())
	s.recall(tx, c, is)
	if len(s.followers) == 0 {
		return nil
	}
	sets, err := s.sets.Of(tx, number)
	if err != nil {
		return err
	}
	return s.follow(tx, &Known{c, was, sets}, &Known{c, is, sets}, actor)
}

// Join puts a customer into a set that has no rule of its own (a campaign's), or takes him out, and tells
// whether that changed anything.
func (s *Service) Join(tx *store.Tx, number uint32, id set.ID, in bool, actor *plgv1.Actor) (changed bool, err error) {
	before, err := s.sets.Of(tx, number)
	if err != nil {
		return false, err
	}
	if changed, err = s.sets.Put(tx, id, number, in); err != nil || !changed {
		return changed, err
	}
	c, err := s.ByNumber(tx, number)
	if err != nil {
		return false, fmt.Errorf("customer %d joins a set: %w", number, err)
	}
	return true, s.tell(tx, c, c, before, actor)
}

// remember brings the finder to a record once it is durable.
func (s *Service) remember(tx *store.Tx, c *plgv1.Customer) error {
	facts, err := s.Facts(tx, uint32(c.Number))
	if err != nil {
		return err
	}
	s.recall(tx, c, facts)
	return nil
}

func (s *Service) recall(tx *store.Tx, c *plgv1.Customer, facts Facts) {
	person := s.person(c, &facts)
	tx.OnCommit(func() {
		s.finder.Put(person)
		s.changes.Add(1)
	})
}

// forget takes a customer out of the finder once that is durable.
func (s *Service) forget(tx *store.Tx, number uint32) {
	tx.OnCommit(func() {
		s.finder.Remove(number)
		s.changes.Add(1)
	})
}

// person is a customer as the finder keeps him.
func (s *Service) person(c *plgv1.Customer, facts *Facts) *finder.Person {
	p := &finder.Person{
		Number: uint32(c.Number), Name: fold(c.Name),
		Consent: c.GetConsent().GetPromotions(), Email: c.Email != "", Phone: c.Phone != "",
		Activity: max(facts.LastActivity, c.Created.GetSeconds()), Points: facts.Measures[measurePoints],
	}
	for _, id := range s.indexed() {
		if value := c.Fields[id]; value != "" {
			p.Words = append(p.Words, finder.Split(fold(value))...)
		}
	}
	return p
}

// measurePoints is the measure by which a list is ordered when it is ordered by points.
const measurePoints = "puntos"

// indexed are the ids of the fields by whose words customers are found.
func (s *Service) indexed() []string {
	if s.Indexed == nil {
		return nil
	}
	return s.Indexed()
}
