// What Docker's own loader makes of compose files: the judge of Simmer's reading (tests/unit/recipes/differential).
//
// One JSON object per line on standard input, one per line out. In:
//
//	{"id": "…", "files": [{"name": "compose.yml", "text": "…"}], "env": {"A": "b"}, "tree": {"app.env": "…"},
//	 "stack": "run-1", "objects": {"<name in Docker>": {"content": "…", "template": "golang", "labels": {…}}}}
//
// `files` are loaded as `docker stack deploy` loads them, in a folder that holds `tree`, with `env` as the environment.
// `objects`: configs and secrets that were made beforehand; an external one of that name is taken for what it is.
// Out: {"id", "error": "…"} or {"id", "config": {…}, "reaches": ["…"]}: the loaded stack with what is the same to Docker
// written the same, and what of it reaches out of the stack.
//
// Built twice, of one source: against docker/cli 20.10 (docker20.mod) and 28 (go.mod).
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"sort"
	"strings"

	"github.com/docker/cli/cli/compose/loader"
	"github.com/docker/cli/cli/compose/schema"
	"github.com/docker/cli/cli/compose/types"
	"github.com/sirupsen/logrus"
)

type file struct{ Name, Text string }

type object struct {
	Content  string            `json:"content"`
	Template string            `json:"template"`
	Labels   map[string]string `json:"labels"`
}

type question struct {
	ID      string            `json:"id"`
	Files   []file            `json:"files"`
	Env     map[string]string `json:"env"`
	Tree    map[string]string `json:"tree"`
	Stack   string            `json:"stack"`
	Objects map[string]object `json:"objects"`
}

type answer struct {
	ID      string   `json:"id"`
	Error   string   `json:"error,omitempty"`
	Config  any      `json:"config,omitempty"`
	Reaches []string `json:"reaches,omitempty"`
}

func main() {
	logrus.SetOutput(io.Discard)
	scratch, err := os.MkdirTemp("", "compose-oracle-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer os.RemoveAll(scratch)
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := json.NewEncoder(os.Stdout)
	for number := 0; ; number++ {
		line, err := in.ReadBytes('\n')
		if len(line) > 0 {
			var q question
			if bad := json.Unmarshal(line, &q); bad != nil {
				fmt.Fprintln(os.Stderr, "no question:", bad)
				os.Exit(1)
			}
			_ = out.Encode(ask(q, scratch))
		}
		if err != nil {
			return
		}
	}
}

func ask(q question, scratch string) (a answer) {
	a.ID = q.ID
	folder := scratch
	if len(q.Tree) > 0 {
		folder, _ = os.MkdirTemp(scratch, "tree-")
		defer os.RemoveAll(folder)
		for name, text := range q.Tree {
			path := filepath.Join(folder, name)
			_ = os.MkdirAll(filepath.Dir(path), 0o755)
			_ = os.WriteFile(path, []byte(text), 0o644)
		}
	}
	defer func() {
		if panicked := recover(); panicked != nil {
			a = answer{ID: q.ID, Error: fmt.Sprint("panic: ", panicked)}
		}
	}()
	config, err := load(q, folder)
	if err != nil {
		a.Error = err.Error()
		return a
	}
	a.Reaches = reaches(config, q, folder)
	if err := undeployable(config); err != nil {
		a.Error = err.Error()
		return a
	}
	a.Config = shown(config, q, folder)
	return a
}

// As cli/command/stack/loader.LoadComposefile does.
func load(q question, folder string) (*types.Config, error) {
	details := types.ConfigDetails{WorkingDir: folder, Environment: q.Env}
	for _, each := range q.Files {
		dict, err := loader.ParseYAML([]byte(each.Text))
		if err != nil {
			return nil, err
		}
		details.ConfigFiles = append(details.ConfigFiles, types.ConfigFile{Filename: each.Name, Config: dict})
	}
	details.Version = schema.Version(details.ConfigFiles[0].Config)
	// The CLI asks its own environment for names alone in env files.
	for name := range q.Env {
		os.Setenv(name, q.Env[name])
		defer os.Unsetenv(name)
	}
	return loader.Load(details)
}

// What Docker finds when it turns the loaded files into services (cli/compose/convert, which needs more of Docker than can be
// had of 20.10): what nothing declares, what excludes one another, files that are not there.
func undeployable(config *types.Config) error {
	for _, service := range config.Services {
		for network := range service.Networks {
			if _, is := config.Networks[network]; !is && network != "default" {
				return fmt.Errorf("convert: undefined network %q", network)
			}
		}
		for _, use := range service.Secrets {
			if _, is := config.Secrets[use.Source]; !is {
				return fmt.Errorf("convert: undefined secret %q", use.Source)
			}
		}
		for _, use := range service.Configs {
			if _, is := config.Configs[use.Source]; !is {
				return fmt.Errorf("convert: undefined config %q", use.Source)
			}
		}
		for _, mount := range service.Volumes {
			_, declared := config.Volumes[mount.Source]
			switch {
			case mount.Target == "":
				return fmt.Errorf("convert: a mount without a target")
			case mount.Type == "volume" && mount.Source != "" && !declared:
				return fmt.Errorf("convert: undefined volume %q", mount.Source)
			case mount.Type == "volume" && (mount.Bind != nil || mount.Tmpfs != nil), mount.Type == "bind" && (mount.Volume != nil || mount.Tmpfs != nil), mount.Type == "tmpfs" && (mount.Bind != nil || mount.Volume != nil || mount.Source != ""):
				return fmt.Errorf("convert: options do not go with type %q", mount.Type)
			}
		}
		if check := service.HealthCheck; check != nil && check.Disable && len(check.Test) > 0 {
			return fmt.Errorf("convert: test and disable")
		}
		switch mode := service.Deploy.Mode; mode {
		case "", "replicated", "replicated-job":
		case "global", "global-job":
			if service.Deploy.Replicas != nil {
				return fmt.Errorf("convert: replicas with mode %q", mode)
			}
		default:
			return fmt.Errorf("convert: unknown mode %q", mode)
		}
		for _, limit := range []string{cpus(service.Deploy.Resources.Limits), cpus(service.Deploy.Resources.Reservations)} {
			if _, is := new(big.Rat).SetString(limit); !is {
				return fmt.Errorf("convert: %q is no number of CPUs", limit)
			}
		}
	}
	for name, each := range config.Secrets {
		if err := unreadable(types.FileObjectConfig(each)); err != nil {
			return fmt.Errorf("convert: secret %q: %w", name, err)
		}
	}
	for name, each := range config.Configs {
		if err := unreadable(types.FileObjectConfig(each)); err != nil {
			return fmt.Errorf("convert: config %q: %w", name, err)
		}
	}
	return nil
}

func unreadable(each types.FileObjectConfig) error {
	if each.External.External || each.Driver != "" {
		return nil
	}
	_, err := os.ReadFile(each.File)
	return err
}

// What a deploy ignores, and what two spellings of one thing differ in.
var ignored = map[string]bool{"Version": true, "Filename": true, "Extras": true, "EnvFile": true, "Build": true, "CgroupNSMode": true, "CgroupParent": true, "ContainerName": true, "DependsOn": true, "Devices": true,
	"DomainName": true, "ExternalLinks": true, "Ipc": true, "Links": true, "MacAddress": true, "NetworkMode": true, "Pid": true, "Privileged": true, "Restart": true, "SecurityOpt": true, "ShmSize": true, "UserNSMode": true, "Expose": true}

func shown(config *types.Config, q question, folder string) any {
	services := map[string]any{}
	for _, service := range config.Services {
		dedupe(service.CapAdd)
		sort.Slice(service.Volumes, func(i, j int) bool { return service.Volumes[i].Target < service.Volumes[j].Target })
		sort.Slice(service.Ports, func(i, j int) bool { return fmt.Sprint(service.Ports[i]) < fmt.Sprint(service.Ports[j]) })
		sort.Slice(service.Secrets, func(i, j int) bool { return service.Secrets[i].Source < service.Secrets[j].Source })
		sort.Slice(service.Configs, func(i, j int) bool { return service.Configs[i].Source < service.Configs[j].Source })
		fields, _ := plain(reflect.ValueOf(service)).(map[string]any)
		for _, list := range []string{"CapAdd", "CapDrop", "DNS", "DNSSearch", "Tmpfs", "ExtraHosts"} {
			if items, is := fields[list].([]any); is {
				fields[list] = dedupe(items)
			}
		}
		// An empty network is the same as none, but its name counts.
		names := map[string]any{}
		for name, about := range service.Networks {
			names[name] = map[string]any{}
			if about != nil {
				if value := plain(reflect.ValueOf(about)); value != nil {
					names[name] = value
				}
			}
		}
		if len(names) > 0 {
			fields["Networks"] = names
		}
		delete(fields, "Name")
		services[service.Name] = fields
	}
	result := map[string]any{"services": services}
	keep := func(section string, each map[string]any) {
		if len(each) > 0 {
			result[section] = each
		}
	}
	volumes, networks, secrets, configs := map[string]any{}, map[string]any{}, map[string]any{}, map[string]any{}
	for name, each := range config.Volumes {
		volumes[name] = orEmpty(plain(reflect.ValueOf(each)))
	}
	for name, each := range config.Networks {
		networks[name] = orEmpty(plain(reflect.ValueOf(each)))
	}
	for name, each := range config.Secrets {
		secrets[name] = content(types.FileObjectConfig(each), name, q, folder)
	}
	for name, each := range config.Configs {
		configs[name] = content(types.FileObjectConfig(each), name, q, folder)
	}
	keep("volumes", volumes)
	keep("networks", networks)
	keep("secrets", secrets)
	keep("configs", configs)
	return result
}

func orEmpty(value any) any {
	if value == nil {
		return map[string]any{}
	}
	return value
}

// A config or secret by what is in it, whoever makes it.
func content(each types.FileObjectConfig, name string, q question, folder string) any {
	full := each.Name
	if full == "" {
		full = q.Stack + "_" + name
	}
	if made, is := q.Objects[full]; each.External.External && is {
		return map[string]any{"name": full, "content": made.Content, "template": made.Template, "labels": fmt.Sprint(made.Labels)}
	}
	if each.External.External || each.Driver != "" {
		return orEmpty(plain(reflect.ValueOf(each)))
	}
	bytes, err := os.ReadFile(each.File)
	if err != nil {
		return map[string]any{"unreadable": strings.TrimPrefix(each.File, folder)}
	}
	labels := map[string]string(each.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	return map[string]any{"name": full, "content": string(bytes), "template": each.TemplateDriver, "labels": fmt.Sprint(labels)}
}

func dedupe[T any](items []T) []T {
	seen, kept := map[string]bool{}, items[:0:0]
	for _, item := range items {
		if key := fmt.Sprint(item); !seen[key] {
			seen[key] = true
			kept = append(kept, item)
		}
	}
	return kept
}

// A value without what is zero; a pointer to zero is something. Nil: nothing is left.
func plain(value reflect.Value) any {
	switch value.Kind() {
	case reflect.Pointer, reflect.Interface:
		if value.IsNil() {
			return nil
		}
		inner := plain(value.Elem())
		if inner == nil && value.Elem().Kind() != reflect.Struct {
			return fmt.Sprint(value.Elem().Interface())
		}
		return inner
	case reflect.Struct:
		fields := map[string]any{}
		for i := 0; i < value.NumField(); i++ {
			name := value.Type().Field(i).Name
			if ignored[name] {
				continue
			}
			if field := plain(value.Field(i)); field != nil {
				fields[name] = field
			}
		}
		if len(fields) == 0 {
			return nil
		}
		return fields
	case reflect.Map:
		fields := map[string]any{}
		for _, key := range value.MapKeys() {
			entry := value.MapIndex(key)
			fields[fmt.Sprint(key.Interface())] = orNull(entry)
		}
		if len(fields) == 0 {
			return nil
		}
		return fields
	case reflect.Slice:
		if value.Len() == 0 {
			return nil
		}
		items := []any{}
		for i := 0; i < value.Len(); i++ {
			items = append(items, orNull(value.Index(i)))
		}
		return items
	default:
		if value.IsZero() {
			return nil
		}
		return fmt.Sprint(value.Interface())
	}
}

func orNull(entry reflect.Value) any {
	if entry.Kind() == reflect.Pointer && entry.IsNil() {
		return nil
	}
	if inner := plain(entry); inner != nil {
		return inner
	}
	if entry.Kind() == reflect.Pointer {
		entry = entry.Elem()
	}
	return fmt.Sprint(entry.Interface())
}

// What a stack gets hold of that is not its own (promise P16), as Docker would create it.
func reaches(config *types.Config, q question, folder string) []string {
	found := map[string]bool{}
	say := func(what ...any) { found[fmt.Sprint(what...)] = true }
	own := func(name string) bool { return strings.HasPrefix(name, q.Stack+"_") && !strings.Contains(name, "/") }
	inside := func(path string) bool {
		real, err := filepath.EvalSymlinks(path)
		root, _ := filepath.EvalSymlinks(folder)
		return err == nil && strings.HasPrefix(real+"/", root+"/")
	}
	for name, volume := range config.Volumes {
		if volume.Name != "" && !own(volume.Name) {
			say("volume ", name, " is ", volume.Name)
		}
		if volume.Driver != "" && volume.Driver != "local" {
			say("volume ", name, " has driver ", volume.Driver)
		}
		for option, value := range volume.DriverOpts {
			if option == "device" && strings.HasPrefix(value, "/") && volume.DriverOpts["type"] != "tmpfs" {
				say("volume ", name, " binds ", value)
			}
		}
	}
	for name, network := range config.Networks {
		if network.Name != "" && !own(network.Name) && network.Name != "proxy" {
			say("network ", name, " is ", network.Name)
		}
		if network.Driver == "host" || network.Driver == "macvlan" || network.Driver == "ipvlan" {
			say("network ", name, " has driver ", network.Driver)
		}
	}
	object := func(kind, name string, each types.FileObjectConfig) {
		full := each.Name
		if full != "" && !own(full) {
			say(kind, " ", name, " is ", full)
		}
		if each.Driver != "" {
			say(kind, " ", name, " has driver ", each.Driver)
		}
		if !each.External.External && each.Driver == "" && !inside(each.File) {
			say(kind, " ", name, " is read from ", strings.TrimPrefix(each.File, folder))
		}
	}
	for name, each := range config.Secrets {
		object("secret", name, types.FileObjectConfig(each))
	}
	for name, each := range config.Configs {
		object("config", name, types.FileObjectConfig(each))
	}
	for _, service := range config.Services {
		for _, mount := range service.Volumes {
			switch {
			case mount.Type == "tmpfs" || (mount.Type == "volume" && (mount.Source == "" || config.Volumes != nil && !strings.Contains(mount.Source, "/"))):
			case mount.Type == "volume" && !strings.Contains(mount.Source, "/"):
			default:
				say("service ", service.Name, " mounts ", mount.Type, " ", mount.Source)
			}
		}
		if len(service.Ports) > 0 {
			say("service ", service.Name, " publishes a port")
		}
		if len(service.CapAdd) > 0 {
			say("service ", service.Name, " adds capabilities")
		}
		if len(service.Sysctls) > 0 {
			say("service ", service.Name, " sets sysctls")
		}
		for network := range service.Networks {
			if _, declared := config.Networks[network]; !declared && network == "host" {
				say("service ", service.Name, " joins the host's network")
			}
		}
		for _, path := range service.EnvFile {
			if !filepath.IsAbs(path) {
				path = filepath.Join(folder, path)
			}
			if !inside(path) {
				say("service ", service.Name, " reads ", strings.TrimPrefix(path, folder))
			}
		}
	}
	list := make([]string, 0, len(found))
	for what := range found {
		list = append(list, what)
	}
	sort.Strings(list)
	return list
}

func cpus(part any) string {
	value := reflect.ValueOf(part)
	if value.IsNil() || value.Elem().FieldByName("NanoCPUs").String() == "" {
		return "0"
	}
	return value.Elem().FieldByName("NanoCPUs").String()
}
