package main

import (
	"os"
	"os/exec"
)

// breed starts a child that outlives it and holds its output.
func (h *hostile) breed() {
	cmd := exec.Command("ping", "-n", "3600", "127.0.0.1")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	tried("arrancar ping", cmd.Start())
}

// attack does nothing here: what Windows keeps apart is kept apart by the rights of the user.
func (h *hostile) attack() {}
