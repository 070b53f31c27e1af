// Command keybridge sees to it that what a plan demands is met before a portal hands out a key.
package main

func main() {}
