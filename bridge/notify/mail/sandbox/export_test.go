package sandbox

// Take keeps a mail as if it had come, with no connection around it: a fuzzer needs each input to take the same path.
func (s *Server) Take(raw []byte, to ...string) {
	s.box.add(s.read(Mail{At: s.now(), From: "bridge@example.com", To: to, Raw: raw}))
}
