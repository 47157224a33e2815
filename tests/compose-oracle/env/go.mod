module simmer-env-oracle

go 1.23.0

require github.com/joho/godotenv v1.5.1
