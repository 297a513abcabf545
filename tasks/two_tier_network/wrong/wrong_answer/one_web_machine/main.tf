resource "google_compute_network" "shop" {
  name                    = "shop"
  auto_create_subnetworks = false
}

resource "google_compute_instance" "web" {
  count        = 2
  name         = "web-${["a", "b"][count.index]}"
  machine_type = "e2-small"
}
