// Package recovery takes the inventory of a cluster's volumes and gives the volumes
// back after the API server's data was lost. The rules are in core/inventory.
package recovery
