module warungjokul

go 1.25.0
