package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
	"github.com/joho/godotenv"
)

// envFile is read from the working folder, if it is there.
const envFile = ".env"

// ofFile ends the name of a setting that names a file, in which a secret is.
const ofFile = "_FILE"

// names returns the names of all settings, and of those that may be in a file of their own.
func names() (all, secrets []string) {
	for _, field := range reflect.VisibleFields(reflect.TypeFor[settings]()) {
		name, _, _ := strings.Cut(field.Tag.Get("env"), ",")
		if name == "" {
			continue
		}
		all = append(all, name)
		if field.Tag.Get("secret") != "" {
			all, secrets = append(all, name+ofFile), append(secrets, name)
		}
	}
	return all, secrets
}

// addEnvFile adds to environ what a file of NAME=value lines says. A name that environ has already keeps its value there.
// notes says in one line each that the file was read, and what is wrong with it. A file that is not there adds nothing.
func addEnvFile(environ []string, file string) (all, notes []string, err error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return environ, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s cannot be read: %w", file, errors.Unwrap(err))
	}
	text = bytes.TrimPrefix(text, []byte("\uFEFF")) // a mark that some editors begin a file with
	// A $ means itself: a bcrypt hash is full of them.
	const dollar = "\uE000"
	given, err := godotenv.Unmarshal(strings.ReplaceAll(string(text), "$", dollar))
	if err != nil { // which repeats the line
		return nil, nil, fmt.Errorf("%s must hold lines such as NAME=value; put a value that has spaces or a # in "+
			"it in quotes", file)
	}
	if name := givenTwice(text, given); name != "" {
		return nil, nil, fmt.Errorf("%s gives %s twice; remove one of them", file, name)
	}
	known := map[string]bool{}
	for _, pair := range environ {
		name, _, _ := strings.Cut(pair, "=")
		known[name] = true
	}
	all = slices.Clone(environ)
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !known[name] {
			all = append(all, name+"="+strings.ReplaceAll(given[name], dollar, "$"))
		}
	}
	notes = append(notes, fmt.Sprintf("%s is read: %d names in it, %d of them set already in the environment, which wins",
		file, len(given), len(given)-(len(all)-len(environ))))
	_, secrets := names()
	if readableByOthers(file) && slices.ContainsFunc(secrets, func(name string) bool { return given[name] != "" }) {
		notes = append(notes, file+" holds secrets and can be read by others on this machine; chmod 600 it")
	}
	return all, notes, nil
}

// lineOfName finds the names that a file gives.
var lineOfName = regexp.MustCompile(`(?m)^[ \t]*(?:export[ \t]+)?([\w.-]+)[ \t]*[=:]`)

// givenTwice returns a name that a file gives more than once, empty where there is none.
func givenTwice(text []byte, given map[string]string) string {
	seen := map[string]bool{}
	for _, match := range lineOfName.FindAllSubmatch(text, -1) {
		name := string(match[1])
		if _, isName := given[name]; isName && seen[name] {
			return name
		}
		seen[name] = true
	}
	return ""
}

// checkNames refuses a name that is meant for this shop and is none of its settings: the setting that was meant would
// silently keep its default. Meant are names that begin with JOKUL, or nearly, or with DOKU_, and those that are a
// setting's but for two letters.
func checkNames(values map[string]string) error {
	all, _ := names()
	ours := slices.DeleteFunc(all, func(name string) bool { return !strings.HasPrefix(name, "JOKUL_") })
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if slices.Contains(ours, name) {
			continue
		}
		spelt := strings.ToUpper(strings.TrimLeft(name, "_ "))
		first, rest, _ := strings.Cut(spelt, "_")
		if rest != "" && (first == "DOKU" || levenshtein.ComputeDistance(first, "JOKUL") == 1) {
			spelt = "JOKUL_" + rest
		}
		meant, distance := nearestName(spelt, ours)
		if !strings.HasPrefix(spelt, "JOKUL") && distance > 2 {
			continue
		}
		if i := slices.IndexFunc(ours, func(other string) bool { return strings.HasPrefix(other, spelt) }); i >= 0 {
			meant = ours[i]
		}
		return fmt.Errorf("%s is no setting; did you mean %s?", name, meant)
	}
	return nil
}

// nearMisses says of which names it looks as if a setting was meant.
func nearMisses(values map[string]string) (warnings []string) {
	all, _ := names()
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if values[name] == "" || slices.Contains(all, name) {
			continue
		}
		// Of short names many are near that mean something else.
		if nearest, distance := nearestName(name, all); distance <= min(2, len(nearest)/4) {
			warnings = append(warnings, fmt.Sprintf("%s is set and is no setting; did you mean %s?", name, nearest))
		}
	}
	return warnings
}

// nearestName returns the name of a setting that is nearest to a name, and how many letters differ, whatever their case.
func nearestName(name string, all []string) (nearest string, distance int) {
	for _, other := range all {
		if d := levenshtein.ComputeDistance(strings.ToUpper(name), other); nearest == "" || d < distance {
			nearest, distance = other, d
		}
	}
	return nearest, distance
}

// readSecretFiles puts in values what is in the files of NAME_FILE settings.
func readSecretFiles(values map[string]string) (warnings []string, err error) {
	_, secrets := names()
	for _, name := range secrets {
		file := values[name+ofFile]
		if file == "" {
			continue
		}
		if values[name] != "" {
			return nil, fmt.Errorf("%s and %s are both set; set one of them", name, name+ofFile)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("%s %s cannot be read: %w", name+ofFile, file, errors.Unwrap(err))
		}
		values[name] = strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
		if values[name] == "" {
			return nil, fmt.Errorf("%s %s is empty", name+ofFile, file)
		}
		if readableByOthers(file) {
			warnings = append(warnings, fmt.Sprintf("%s %s can be read by others on this machine; chmod 600 it", name+ofFile, file))
		}
	}
	return warnings, nil
}

func readableByOthers(file string) bool {
	info, err := os.Stat(file)
	return err == nil && info.Mode().Perm()&0o004 != 0
}
