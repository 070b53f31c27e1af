package console

import (
	"bytes"
	"fmt"
	"html"
	"image/color"
	"math"
	"regexp"
	"strings"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// A chart is drawn into an SVG file that has no script, no style and no link, and looks
// the same wherever it is opened. What it shows stands in a sentence and in a table beside
// it, so nobody has to see it, or to tell two colours apart.
type chart struct {
	Form form
	// Parts are what the values are of: days, or things that are counted.
	Parts []string
	// Series are one or two; each has a value for each part.
	Series []series
	// Words writes a value.
	Words func(float64) string
}

// form is how values are shown.
type form int

const (
	// columns stand side by side along time.
	columns form = iota
	// courses are lines along time, on a scale of durations in seconds; NaN: none.
	courses
	// bars lie below one another, with a name each.
	bars
)

type series struct {
	Name   string
	Values []float64
}

// look is how a chart is drawn: in a colour scheme, and for a screen that is wide or not.
type look struct{ dark, narrow bool }

// paint are the colours of a scheme. They are those of the style sheet, by their names in
// it; a test compares them.
type paint struct{ card, ink, soft, faint, first, second color.Color }

var paints = map[bool]paint{
	false: {card: rgb(0xffffff), ink: rgb(0x17202e), soft: rgb(0x4a5568), faint: rgb(0xdfe4ec), first: rgb(0x1d4ed8), second: rgb(0x835400)},
	true:  {card: rgb(0x19202d), ink: rgb(0xe8edf5), soft: rgb(0xb3bfd0), faint: rgb(0x323d50), first: rgb(0x8ab4ff), second: rgb(0xf5c46b)},
}

func rgb(hex uint32) color.Color {
	return color.NRGBA{R: uint8(hex >> 16), G: uint8(hex >> 8), B: uint8(hex), A: 255} //nolint:gosec // each is one byte of three
}

// The size of charts in CSS pixels, and of their letters.
const (
	wideWidth, narrowWidth = 760, 330
	chartHeight            = 260
	barHeight              = 34
	letters                = 12
)

// size is how large a chart is in pixels.
func (c chart) size(l look) (width, height int) {
	width, height = wideWidth, chartHeight
	if l.narrow {
		width = narrowWidth
	}
	if c.Form == bars {
		height = barHeight*max(len(c.Parts), 1) + 20
	}
	return width, height
}

// drawing is a chart that is being drawn.
type drawing struct {
	chart
	look
	paint
	*plot.Plot
}

// draw returns the chart of a figure as an SVG file.
func (f figure) draw(l look) ([]byte, error) {
	d := drawing{chart: *f.Chart, look: l, paint: paints[l.dark], Plot: plot.New()}
	d.frame()
	var err error
	switch d.Form {
	case columns:
		err = d.columns()
	case courses:
		err = d.courses()
	case bars:
		err = d.bars()
	}
	if err != nil {
		return nil, fmt.Errorf("the plot %q: %w", f.Title, err)
	}
	w, h := d.size(l)
	canvas := vgsvg.New(vg.Length(w), vg.Length(h))
	d.Draw(draw.Crop(draw.New(canvas), 4, -8, 4, -6))
	var out bytes.Buffer
	if _, err := canvas.WriteTo(&out); err != nil {
		return nil, err
	}
	return f.finish(out.Bytes(), d.card), nil
}

// frame sets what all forms have in common.
func (d *drawing) frame() {
	d.BackgroundColor = nil // the canvas is larger than the plot; see finish
	for _, axis := range []*plot.Axis{&d.X, &d.Y} {
		axis.Color, axis.Tick.Color = d.soft, d.soft
		d.write(&axis.Tick.Label)
		axis.Padding = 0
	}
	d.write(&d.Legend.TextStyle)
	d.Legend.Top, d.Legend.ThumbnailWidth, d.Legend.Padding = true, 14, 2
	d.Legend.YOffs = 4
}

// write sets how letters are written. The files name the font and do not hold it: a
// browser that has none of the family takes its own sans-serif, which is as wide.
func (d *drawing) write(s *text.Style) {
	s.Font = font.From(font.Font{Typeface: "Liberation", Variant: "Sans"}, letters)
	s.Color = d.ink
}

// colour is that of a series.
func (d *drawing) colour(i int) color.Color {
	return []color.Color{d.first, d.second}[i%2]
}

// columns draws values that go up from a common ground.
func (d *drawing) columns() error {
	w, _ := d.size(d.look)
	room := (float64(w) - 80) / float64(len(d.Parts)) * 0.8
	wide := vg.Length(max(room/float64(len(d.Series)), 1))
	d.grid()
	for i, s := range d.Series {
		b, err := plotter.NewBarChart(plotter.Values(s.Values), wide)
		if err != nil {
			return err
		}
		b.Color, b.LineStyle.Width = d.colour(i), 0
		b.Offset = wide * vg.Length(float64(i)-float64(len(d.Series)-1)/2)
		d.Add(b)
		d.Legend.Add(s.Name, b)
	}
	d.along()
	d.upward()
	return nil
}

// grid draws lines to read values by.
func (d *drawing) grid() {
	g := plotter.NewGrid()
	g.Vertical.Width, g.Horizontal.Color = 0, d.faint
	d.Add(g)
}

// along names the parts, as many as there is room for.
func (d *drawing) along() {
	w, _ := d.size(d.look)
	most := (w - 80) / 60
	every := max((len(d.Parts)+most-1)/most, 1)
	var ticks []plot.Tick
	for i, name := range d.Parts {
		if i%every == 0 {
			ticks = append(ticks, plot.Tick{Value: float64(i), Label: name})
		}
	}
	d.X.Tick.Marker = plot.ConstantTicks(ticks)
	d.X.Min, d.X.Max = -0.6, float64(len(d.Parts))-0.4
}

// upward gives the values a scale that begins at nothing, with room for the legend.
func (d *drawing) upward() {
	most := 0.0
	for _, s := range d.Series {
		for _, v := range s.Values {
			most = max(most, v)
		}
	}
	step := stepFor(most)
	var ticks []plot.Tick
	for v := 0.0; v <= most+step/2; v += step {
		ticks = append(ticks, plot.Tick{Value: v, Label: d.Words(v)})
	}
	d.Y.Tick.Marker = plot.ConstantTicks(ticks)
	d.Y.Min, d.Y.Max = 0, max(most*1.25, step)
}

// stepFor is a round number of which the value is about four, and at least one: what is
// counted is whole.
func stepFor(most float64) float64 {
	if most <= 4 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(most/4)))
	for _, round := range []float64{1, 2, 5} {
		if round*power >= most/4 {
			return round * power
		}
	}
	return 10 * power
}

// durations are the marks on a scale of time.
var durations = []time.Duration{
	time.Second, 10 * time.Second, time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour, 30 * 24 * time.Hour, 365 * 24 * time.Hour,
}

// courses draws durations, of which the longest is a million times the shortest, on a
// logarithmic scale. The second line is dashed.
func (d *drawing) courses() error {
	d.grid()
	for i, s := range d.Series {
		var points plotter.XYs
		for part, v := range s.Values {
			if !math.IsNaN(v) {
				points = append(points, plotter.XY{X: float64(part), Y: max(v, 1)})
			}
		}
		if len(points) == 0 {
			continue
		}
		line, dots, err := plotter.NewLinePoints(points)
		if err != nil {
			return err
		}
		line.Color, dots.Color = d.colour(i), d.colour(i)
		line.Width, dots.Radius = 2, 3.5
		dots.Shape = []draw.GlyphDrawer{draw.CircleGlyph{}, draw.BoxGlyph{}}[i%2]
		if i > 0 {
			line.Dashes = []vg.Length{6, 3}
		}
		d.Add(line, dots)
		d.Legend.Add(s.Name, line, dots)
	}
	d.along()
	d.lengthen()
	return nil
}

// lengthen makes the scale of durations, from the mark below the shortest to the one above
// the longest and one more, where the legend is.
func (d *drawing) lengthen() {
	if d.Y.Min > d.Y.Max {
		d.Y.Min, d.Y.Max = 1, 60
	}
	first, last := 0, len(durations)-1
	for first < last && durations[first+1].Seconds() <= d.Y.Min {
		first++
	}
	for last > first+1 && durations[last-1].Seconds() >= d.Y.Max {
		last--
	}
	var ticks []plot.Tick
	for _, mark := range durations[first : last+1] {
		ticks = append(ticks, plot.Tick{Value: mark.Seconds(), Label: lasted(mark)})
	}
	d.Y.Tick.Marker, d.Y.Scale = plot.ConstantTicks(ticks), plot.LogScale{}
	d.Y.Min, d.Y.Max = durations[first].Seconds(), durations[last].Seconds()*4
}

// bars draws one bar for each part, with its name before it and its value behind it.
func (d *drawing) bars() error {
	values := d.Series[0].Values
	down := make(plotter.Values, len(values)) // the first part is on top
	points := plotter.XYLabels{}
	var ticks []plot.Tick
	most := 1.0
	for i, v := range values {
		place := len(values) - 1 - i
		down[place] = v
		most = max(most, v)
		points.XYs = append(points.XYs, plotter.XY{X: v, Y: float64(place)})
		points.Labels = append(points.Labels, d.Words(v))
		ticks = append(ticks, plot.Tick{Value: float64(place), Label: d.short(d.Parts[i])})
	}
	b, err := plotter.NewBarChart(down, barHeight*0.6)
	if err != nil {
		return err
	}
	b.Color, b.LineStyle.Width, b.Horizontal = d.first, 0, true
	labels, err := plotter.NewLabels(points)
	if err != nil {
		return err
	}
	for i := range labels.TextStyle {
		d.write(&labels.TextStyle[i])
		labels.TextStyle[i].YAlign = draw.YCenter
	}
	labels.Offset = vg.Point{X: 4, Y: 1}
	d.Add(b, labels)
	d.HideX()
	d.Y.Tick.Marker, d.Y.Tick.Length = plot.ConstantTicks(ticks), 0
	d.X.Min, d.X.Max = 0, most*1.02
	d.Y.Min, d.Y.Max = -0.5, float64(len(values))-0.5
	return nil
}

// short is a name with as many letters as there is room for beside the bars.
func (d *drawing) short(name string) string {
	room := 40
	if d.narrow {
		room = 24
	}
	letters := []rune(name)
	if len(letters) > room {
		letters = append(letters[:room-1], '…')
	}
	return string(letters)
}

// drawn leaves out what cannot be in an XML file (https://www.w3.org/TR/xml/#charsets).
func drawn(c rune) rune {
	if c < ' ' && c != '\n' && c != '\t' || c == 0xFFFE || c == 0xFFFF {
		return -1
	}
	return c
}

// What vgsvg writes is in points, has its styles in attributes that our policy would not
// let count, and names nothing for people.
var (
	head    = regexp.MustCompile(`(?s)^.*?<svg width="(\d+)pt" height="(\d+)pt" viewBox="([^"]*)"[^>]*>`)
	styled  = regexp.MustCompile(`style="([^"]*)"`)
	written = strings.NewReplacer("Liberation Sans", "Liberation Sans, Arial, Helvetica, sans-serif")
)

// finish makes the file one that is at home on our pages.
func (f figure) finish(file []byte, card color.Color) []byte {
	r, g, b, _ := card.RGBA()
	begin := fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" role="img" width="$1" height="$2" viewBox="$3">`+
		`<title>%s</title><desc>%s</desc><rect width="100%%" height="100%%" fill="#%02x%02x%02x"/>`,
		literal(f.Title), literal(f.Says), r>>8, g>>8, b>>8)
	file = bytes.Map(drawn, head.ReplaceAll(file, []byte(begin)))
	return styled.ReplaceAllFunc(file, func(found []byte) []byte {
		var attributes []string
		for one := range strings.SplitSeq(string(styled.FindSubmatch(found)[1]), ";") {
			name, value, _ := strings.Cut(one, ":")
			if name != "font-variant" { // vgsvg says "none" or "sans", which are no variants
				attributes = append(attributes, fmt.Sprintf("%s=%q", name, written.Replace(value)))
			}
		}
		return []byte(strings.Join(attributes, " "))
	})
}

// literal escapes a text for the file, and for the pattern that it is put in with.
func literal(text string) string {
	return strings.ReplaceAll(html.EscapeString(text), "$", "$$")
}
