// What godotenv makes of .env files: the judge of Simmer's reading of .env.sample (tests/unit/recipes/env_oracle_test.cpp).
//
// Cases on standard input, separated by NUL. One line out for each: "refused", or "read" and, sorted by key, " <key>=<value>" in hex.
// abra reads by a fork of this module that cannot be had from the Go proxy; it is said to add the comments behind values, no more.
package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"sort"

	"github.com/joho/godotenv"
)

func main() {
	cases, err := io.ReadAll(os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for _, text := range bytes.Split(cases, []byte{0}) {
		values, err := godotenv.UnmarshalBytes(text)
		if err != nil {
			fmt.Fprintln(out, "refused")
			continue
		}
		keys := make([]string, 0, len(values))
		for key := range values {
			keys = append(keys, key)
		}
		sort.Strings(keys)
		fmt.Fprint(out, "read")
		for _, key := range keys {
			fmt.Fprintf(out, " %x=%x", key, values[key])
		}
		fmt.Fprintln(out)
	}
}
