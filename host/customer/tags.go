package customer

import (
	"encoding/binary"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer/set"
	"mostrador/host/store"
)

// bucketTag holds the tags: "i" and the number of the tag (4 bytes) → mostradorv1.Tag, and "n" and its folded
// name → that number, and "#" → the last number given. Numbers are never given again.
const bucketTag store.Bucket = "customer_tag"

var keyLastTag = []byte{'#'}

func tagKey(n uint32) []byte        { return binary.BigEndian.AppendUint32([]byte{'i'}, n) }
func tagNameKey(name string) []byte { return append([]byte{'n'}, fold(name)...) }

// defaultTagColor is the background of tags that nobody chose a colour for.
const defaultTagColor = "#dbe4f0"

// TagID returns the set of a tag by its name, in whatever case and with or without accents.
func (s *Service) TagID(tx *store.Tx, name string) (set.ID, bool) {
	n := tx.Get(bucketTag, tagNameKey(name))
	if len(n) != 4 {
		return 0, false
	}
	return set.Tag(binary.BigEndian.Uint32(n)), true
}

// Tag returns a tag, nil when there is none of that number.
func (s *Service) Tag(tx *store.Tx, n uint32) (*mostradorv1.Tag, error) {
	t := new(mostradorv1.Tag)
	if found, err := store.GetProto(tx, bucketTag, tagKey(n), t); !found || err != nil {
		return nil, err
	}
	return t, nil
}

// Tags lists the tags in the order in which they were made.
func (s *Service) Tags(tx *store.Tx) ([]*mostradorv1.Tag, error) {
	var tags []*mostradorv1.Tag
	for _, data := range tx.Scan(bucketTag, []byte{'i'}, nil) {
		t := new(mostradorv1.Tag)
		if err := proto.Unmarshal(data, t); err != nil {
			return nil, err
		}
		tags = append(tags, t)
	}
	return tags, nil
}

// EnsureTag returns the set of a tag by its name, and makes the tag when there is none.
func (s *Service) EnsureTag(tx *store.Tx, name string) (set.ID, error) {
	if id, found := s.TagID(tx, name); found {
		return id, nil
	}
	t := &mostradorv1.Tag{Name: name, Color: defaultTagColor, Created: timestamppb.New(s.Now())}
	if err := s.PutTag(tx, t); err != nil {
		return 0, err
	}
	return set.Tag(t.Id), nil
}

// PutTag keeps a tag; one with id 0 is new and gets an id. Whether the name is free is the caller's to see to.
func (s *Service) PutTag(tx *store.Tx, t *mostradorv1.Tag) error {
	if t.Id == 0 {
		n := tx.Get(bucketTag, keyLastTag)
		if len(n) == 4 {
			t.Id = binary.BigEndian.Uint32(n)
		}
		t.Id++
		tx.Put(bucketTag, keyLastTag, binary.BigEndian.AppendUint32(nil, t.Id))
	} else {
		was, err := s.Tag(tx, t.Id)
		if err != nil {
			return err
		}
		if was != nil {
			tx.Delete(bucketTag, tagNameKey(was.Name))
		}
	}
	tx.Put(bucketTag, tagNameKey(t.Name), binary.BigEndian.AppendUint32(nil, t.Id))
	return store.PutProto(tx, bucketTag, tagKey(t.Id), t)
}

// DropTag forgets a tag; nobody has it from then on. Its members' rows are the caller's to clear.
func (s *Service) DropTag(tx *store.Tx, t *mostradorv1.Tag) {
	tx.Delete(bucketTag, tagNameKey(t.Name))
	tx.Delete(bucketTag, tagKey(t.Id))
}

// tagsOf are the names of a customer's tags, in the order in which the tags were made.
func (s *Service) tagsOf(tx *store.Tx, number uint32) ([]string, error) {
	ids, err := s.sets.Of(tx, number)
	if err != nil {
		return nil, err
	}
	return s.tagsIn(tx, ids)
}

// tagsIn are the names of the tags among sets.
func (s *Service) tagsIn(tx *store.Tx, ids []set.ID) ([]string, error) {
	var names []string
	for _, id := range ids {
		if id.Kind() != set.KindTag {
			continue
		}
		t, err := s.Tag(tx, id.Number())
		if err != nil {
			return nil, err
		}
		if t != nil {
			names = append(names, t.Name)
		}
	}
	return names, nil
}

// tagNames brings the names of tags to those under which the store knows them, in the order in which the tags
// were made, and behind them those that the store does not know yet.
func (s *Service) tagNames(tx *store.Tx, names []string) ([]string, error) {
	if len(names) == 0 {
		return nil, nil
	}
	var known []set.ID
	var fresh, sorted []string
	for _, name := range names {
		if id, found := s.TagID(tx, name); found {
			known = append(known, id)
		} else if !slices.ContainsFunc(fresh, func(other string) bool { return fold(other) == fold(name) }) {
			fresh = append(fresh, name)
		}
	}
	slices.Sort(known)
	for _, id := range slices.Compact(known) {
		t, err := s.Tag(tx, id.Number())
		if err != nil {
			return nil, err
		}
		sorted = append(sorted, t.GetName())
	}
	return append(sorted, fresh...), nil
}

// putTags makes the tags of a customer those of is. Tags that nobody has made are made.
func (s *Service) putTags(tx *store.Tx, number uint32, was, is []string) error {
	for _, name := range was {
		if id, found := s.TagID(tx, name); found && !slices.Contains(is, name) {
			if _, err := s.sets.Put(tx, id, number, false); err != nil {
				return err
			}
		}
	}
	for _, name := range is {
		if slices.Contains(was, name) {
			continue
		}
		id, err := s.EnsureTag(tx, name)
		if err != nil {
			return err
		}
		if _, err := s.sets.Put(tx, id, number, true); err != nil {
			return err
		}
	}
	return nil
}
