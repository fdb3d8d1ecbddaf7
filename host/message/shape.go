package message

import "strings"

// shape is what is known of a value in a template before there are values.
type shape struct {
	// fields of an object; nil for others.
	fields map[string]*shape
	// any is what is under every other name of an object that has values by name.
	any *shape
	// element is what a list consists of.
	element *shape
	// open values come from plugins: any field, any list.
	open bool
}

// prints reports whether a value can be written out.
func (s *shape) prints() bool { return s.fields == nil && s.any == nil && s.element == nil }

func listOf(fields map[string]*shape) *shape { return &shape{element: &shape{fields: fields}} }

var (
	leaf = &shape{}
	open = &shape{open: true}

	linkShape = &shape{fields: map[string]*shape{
		LinkActivate: leaf, LinkOptOut: leaf, LinkPreferences: leaf, LinkReason: leaf, LinkOnce: leaf,
	}}

	customerShape = &shape{fields: map[string]*shape{
		"Nombre": leaf, "PrimerNombre": leaf, "Apellidos": leaf, "Correo": leaf, "Telefono": leaf, "Direccion": leaf,
		"Usuario": leaf, "Numero": leaf, "Tarjeta": leaf, "Campos": {fields: map[string]*shape{}, any: leaf},
	}}

	// rootShape is the shape of view.
	rootShape = &shape{fields: map[string]*shape{
		"Cliente": customerShape,
		"Compras": listOf(map[string]*shape{
			"Recibo": leaf, "Fecha": leaf, "Total": leaf,
			"Lineas": listOf(map[string]*shape{"Articulo": leaf, "Nombre": leaf, "Cantidad": leaf, "Importe": leaf}),
		}),
		"Resumen": {fields: map[string]*shape{"Compras": leaf, "Gastado": leaf, "Primera": leaf, "Ultima": leaf}},
		"Puntos":  leaf,
		"Medidas": {fields: map[string]*shape{}, any: leaf},
		"Codigo":  leaf, "CodigoVence": leaf, "Beneficio": leaf,
		"Ofertas": listOf(map[string]*shape{
			"Titulo": leaf, "Texto": leaf, "Imagen": leaf, "Enlace": leaf, "Boton": leaf, "Codigo": leaf,
		}),
		"Tienda":   {fields: map[string]*shape{"Nombre": leaf}},
		"Enlaces":  linkShape,
		"Politica": leaf,
		"Datos":    open,
	}}
)

// allowed are the functions that templates may use: ours, and those of Go that cannot make something large
// out of something small, as printf can.
var allowed = []string{
	"fecha", "hora", "dinero", "mayusculas", "minusculas", "primero", "resto",
	"and", "or", "not", "eq", "ne", "lt", "le", "gt", "ge", "len", "index",
}

// takesLists reports the functions that a list can be given to.
func takesLists(function string) bool {
	switch function {
	case "primero", "resto", "len", "index", "and", "or", "not":
		return true
	}
	return false
}

// secret reports whether a name means a password: which is not kept, and never mailed (a link that opens once is).
func secret(name string, ofCustomer bool) bool {
	name = strings.ToLower(name)
	for _, word := range []string{"contraseña", "contrasena", "password", "passwd"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return ofCustomer && (name == "clave" || name == "pin")
}

// nearly reports whether the name of a link is one of the usual ones with a slip of the finger in it.
func nearly(name string) bool {
	for usual := range linkShape.fields {
		if n := distance(name, usual); n > 0 && n <= 2 {
			return true
		}
	}
	return false
}

// distance is how many letters are to be added, taken away or changed to make one word of another (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := before
			if a[i] != b[j] {
				cost++
			}
			before = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
