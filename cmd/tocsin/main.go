// Command tocsin is the one program of a national CSIRT.
package main

func main() {}
