package main

// check says what is wrong with the values together.
func (r *reading) check(*config) {}
