package main

import (
	"reflect"
	"regexp"
	"strconv"
)

// byteSize is a number of bytes. In the file it has its unit, as 512MiB; the units are
// those of two's powers, because files and disks are counted so.
type byteSize int64

var sizePattern = regexp.MustCompile(`^([1-9][0-9]{0,5}) ?(KiB|MiB|GiB|TiB)$`)

// parseSize parses a size. It is at most a million of the unit, so that it fits.
func parseSize(text string) (byteSize, bool) {
	m := sizePattern.FindStringSubmatch(text)
	if m == nil {
		return 0, false
	}
	n, _ := strconv.Atoi(m[1]) // at most six digits
	shift := map[string]int{"KiB": 10, "MiB": 20, "GiB": 30, "TiB": 40}[m[2]]
	return byteSize(n) << shift, true
}

func (k configKey) setSize(v reflect.Value, text string) string {
	if k.off && text == "off" {
		v.SetInt(-1)
		return ""
	}
	size, ok := parseSize(text)
	if !ok {
		return "it takes a size with its unit, as 512MiB or 20GiB, " + k.bounds()
	}
	least, _ := parseSize(k.min)
	most, _ := parseSize(k.max)
	if size < least || size > most {
		return "it is out of bounds: it takes a size " + k.bounds()
	}
	v.SetInt(int64(size))
	return ""
}
