package sandbox

// bell wakes everybody who waits for the next change of something. The lock of what changes guards it.
type bell struct{ rung chan struct{} }

// next returns what will be closed by the next ring.
func (b *bell) next() <-chan struct{} {
	if b.rung == nil {
		b.rung = make(chan struct{})
	}
	return b.rung
}

func (b *bell) ring() {
	if b.rung != nil {
		close(b.rung)
		b.rung = nil
	}
}
