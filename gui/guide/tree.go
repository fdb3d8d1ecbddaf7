package guide

import (
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

// Node ids: "" is the root, "/A/B" a branch, "#KEY" a setting.
const leaf = "#"

func branch(at, name string) string { return at + "/" + strings.ReplaceAll(name, "/", "∕") }

// path is where a setting stands in the tree. Those of plug-ins that are not there stand together at the end.
func (s *Screen) path(setting *mostradorv1.Setting) []string {
	if setting.GetAside() {
		return []string{s.d.T("guide.aside"), setting.Owner}
	}
	return setting.GetPath()
}

// plant builds the tree from the settings' paths, in the order in which the host gave them.
func (s *Screen) plant(settings []*mostradorv1.Setting, searching bool) {
	s.settings, s.children, s.order = map[string]*mostradorv1.Setting{}, map[string][]string{}, nil
	for _, setting := range settings {
		if s.settings[setting.Key] != nil {
			continue
		}
		s.settings[setting.Key], s.known[setting.Key] = setting, setting
		s.order = append(s.order, setting.Key)
		at := ""
		for _, name := range s.path(setting) {
			next := branch(at, name)
			if !slices.Contains(s.children[at], next) {
				s.children[at] = append(s.children[at], next)
			}
			at = next
		}
		s.children[at] = append(s.children[at], leaf+setting.Key)
	}
	visible(s.none, len(s.order) == 0)
	s.tree.Refresh()
	if searching || !s.opened {
		s.tree.OpenAllBranches()
		s.opened = len(s.order) > 0
	}
	s.tree.Refresh()
}

// reveal opens a setting and its branches.
func (s *Screen) reveal(key string) {
	at := ""
	for _, name := range s.path(s.settings[key]) {
		at = branch(at, name)
		s.tree.OpenBranch(at)
	}
	s.tree.UnselectAll()
	s.tree.Select(leaf + key)
	s.tree.ScrollTo(leaf + key)
}

// halves puts the tree to the left of the editor. It takes no more than it needs, and less where there is little room.
type halves struct{}

const (
	leastTree, mostTree float32 = 280, 344
	treeGap             float32 = 24
)

func (halves) MinSize(o []fyne.CanvasObject) fyne.Size {
	left, right := o[0].MinSize(), o[1].MinSize()
	return fyne.NewSize(max(leastTree, left.Width)+treeGap+right.Width, max(left.Height, right.Height))
}

func (halves) Layout(o []fyne.CanvasObject, size fyne.Size) {
	tree := min(mostTree, max(leastTree, size.Width*0.36))
	o[0].Move(fyne.NewPos(0, 0))
	o[0].Resize(fyne.NewSize(tree, size.Height))
	o[1].Move(fyne.NewPos(tree+treeGap, 0))
	o[1].Resize(fyne.NewSize(size.Width-tree-treeGap, size.Height))
}

// newTree is the tree of the settings.
func (s *Screen) newTree() *ui.Tree {
	return ui.NewTree(func(id string) []string { return s.children[id] },
		func(id string) bool { return !strings.HasPrefix(id, leaf) },
		newNode,
		func(id string, branch bool, o fyne.CanvasObject) {
			objects := o.(*fyne.Container).Objects
			label, dot := objects[0].(*widget.Label), objects[1].(*canvas.Circle)
			label.Text, label.Importance = id[strings.LastIndexByte(id, '/')+1:], widget.MediumImportance
			dot.Hide()
			if setting := s.settings[strings.TrimPrefix(id, leaf)]; !branch {
				label.Text = setting.GetName()
				if label.Text == "" {
					label.Text = setting.GetKey()
				}
				if setting.GetReadOnly() || setting.GetAside() {
					label.Importance = widget.LowImportance
				}
				visible(dot, setting.GetIsSet() && !setting.GetAside())
			}
			label.Refresh()
			o.Refresh()
		})
}

// newNode is a line of the tree; the name of a setting may take two. A dot marks a setting that is changed.
func newNode(branch bool) fyne.CanvasObject {
	label := widget.NewLabel("")
	label.Wrapping = fyne.TextWrapWord
	label.TextStyle.Bold = branch
	if !branch {
		label.SizeName = theme.SizeNameCaptionText
	}
	dot := canvas.NewCircle(ui.Color(theme.ColorNamePrimary))
	dot.Hide()
	return container.New(&nodeLayout{branch}, label, dot)
}

// nodeLayout centres the wrapped name in a line of fixed height.
type nodeLayout struct{ branch bool }

func (n *nodeLayout) MinSize([]fyne.CanvasObject) fyne.Size {
	if n.branch {
		return fyne.NewSize(40, 30)
	}
	return fyne.NewSize(40, 38)
}

func (n *nodeLayout) Layout(o []fyne.CanvasObject, size fyne.Size) {
	const dot = 7
	shift, spare := float32(6), float32(-6)
	if !n.branch {
		shift, spare = 26, 14 // a leaf has no arrow that it would have to leave room for, but a dot
	}
	width := size.Width + shift - spare
	o[0].Resize(fyne.NewSize(width, size.Height))
	h := o[0].MinSize().Height
	o[0].Resize(fyne.NewSize(width, h))
	o[0].Move(fyne.NewPos(-shift, (size.Height-h)/2))
	o[1].Resize(fyne.NewSize(dot, dot))
	o[1].Move(fyne.NewPos(size.Width-dot-12, (size.Height-dot)/2))
}
