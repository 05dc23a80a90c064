package models

import (
	"context"

	"gorm.io/gorm/clause"
)

// seed fills an empty catalogue, and only an empty one: prices and stock are
// the merchant's from then on.
func (s *Store) seed(ctx context.Context) error {
	return s.transact(ctx, func(tx *transaction) error {
		var products int64
		if err := tx.Model(&Product{}).Count(&products).Error; err != nil || products > 0 {
			return err
		}
		catalogue := catalogue()
		for i := range catalogue {
			catalogue[i].Position = int64(i + 1)
			catalogue[i].Drawing = catalogue[i].Slug + ".svg"
		}
		return tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&catalogue).Error
	})
}

// Restock fills the products of the first catalogue up to the stock that they began with, and returns how many it
// filled. What unpaid orders hold counts as there, for it may come back. A product that is bought meanwhile is left to
// the next time. It is for a public demo, where money is free, so that nobody buys the shop empty for good.
func (s *Store) Restock(ctx context.Context) (filled int, err error) {
	first := map[string]int64{}
	for _, p := range catalogue() {
		first[p.SKU] = p.Stock
	}
	list, err := s.HeldStock(ctx)
	if err != nil {
		return 0, err
	}
	for _, held := range list {
		full := first[held.SKU] - held.Held
		if held.Stock >= full {
			continue
		}
		_, changed, err := s.setStock(ctx, Actor{By: ActorShop}, held.SKU, held.Stock, full)
		if err != nil {
			return filled, err
		}
		if changed {
			filled++
		}
	}
	return filled, nil
}

// NameSellers gives some products of the first catalogue a seller of their own
// each, with a made-up settlement account, wherever none is set. It is for the
// embedded gateway: DOKU knows no such account and would refuse the order.
func (s *Store) NameSellers(ctx context.Context) error {
	return s.transact(ctx, func(tx *transaction) error {
		for account, skus := range sellers {
			err := tx.Model(&Product{}).Where("settlement_account = '' AND sku IN ?", skus).
				Update("settlement_account", account).Error
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// sellers are a coffee farmers' cooperative and a batik workshop.
var sellers = map[string][]string{
	"SBA-0000-CONTOH-GAYO":  {"MNM-GAYO"},
	"SBA-0000-CONTOH-BATIK": {"KRJ-BATIK", "KRJ-PANDAN"},
}

// catalogue is what the shop sells on its first day.
func catalogue() []Product {
	return []Product{
		{
			SKU: "MKN-RENDANG", Slug: "rendang-daging", Category: CategoryFood, Kind: KindGoods, Price: 85_000, Stock: 40,
			NameID: "Rendang Daging 250\u00a0g", NameEN: "Beef Rendang 250\u00a0g",
			TextID: "Dimasak delapan jam dengan santan dan daun jeruk sampai bumbunya meresap. Dikemas vakum, tahan enam bulan tanpa kulkas.",
			TextEN: "Simmered for eight hours in coconut milk and lime leaf until the spices sink in. Vacuum packed, keeps six months without a fridge.",
		},
		{
			SKU: "MKN-SAMBAL", Slug: "sambal-bawang", Category: CategoryFood, Kind: KindGoods, Price: 32_000, Stock: 120,
			NameID: "Sambal Bawang 150\u00a0g", NameEN: "Shallot Sambal 150\u00a0g",
			TextID: "Cabai rawit dan bawang merah Brebes, digoreng pelan lalu diulek kasar. Pedasnya jujur, wanginya ke mana-mana.",
			TextEN: "Bird's eye chillies and Brebes shallots, fried slowly and pounded coarse. Honest heat, and a smell the neighbours will notice.",
		},
		{
			SKU: "MKN-TEMPE", Slug: "keripik-tempe", Category: CategoryFood, Kind: KindGoods, Price: 18_500, Stock: 200,
			NameID: "Keripik Tempe 200\u00a0g", NameEN: "Tempeh Crisps 200\u00a0g",
			TextID: "Tempe iris tipis dari Malang, renyah sampai remah terakhir. Teman nonton bola dan rapat panjang.",
			TextEN: "Thin tempeh slices from Malang, crisp to the last crumb. Good company for football and long meetings.",
		},
		{
			SKU: "MKN-NASTAR", Slug: "nastar", Category: CategoryFood, Kind: KindGoods, Price: 95_000, Stock: 36,
			NameID: "Nastar Nanas 500\u00a0g", NameEN: "Pineapple Nastar 500\u00a0g",
			TextID: "Kue mentega isi selai nanas yang diaduk sendiri, dengan sebutir cengkih di atasnya. Habis sebelum lebaran tiba.",
			TextEN: "Butter cookies around pineapple jam stirred by hand, a clove on top of each. Gone before the holiday arrives.",
		},
		{
			SKU: "MKN-KERUPUK", Slug: "kerupuk-udang", Category: CategoryFood, Kind: KindGoods, Price: 10_000, Stock: 300,
			NameID: "Kerupuk Udang 100\u00a0g", NameEN: "Prawn Crackers 100\u00a0g",
			TextID: "Kerupuk udang Sidoarjo siap makan. Bunyi kriuknya pertanda makan siang sudah lengkap.",
			TextEN: "Ready-to-eat prawn crackers from Sidoarjo. That crunch is the sound of a complete lunch.",
		},
		{
			SKU: "MNM-GAYO", Slug: "kopi-gayo", Category: CategoryDrinks, Kind: KindGoods, Price: 90_000, Stock: 60,
			NameID: "Kopi Gayo 250\u00a0g", NameEN: "Gayo Coffee 250\u00a0g",
			TextID: "Arabika dari dataran tinggi Aceh, disangrai sedang: cokelat, rempah, dan sedikit jeruk. Biji utuh.",
			TextEN: "Arabica from the Aceh highlands, medium roast: chocolate, spice and a little citrus. Whole beans.",
		},
		{
			SKU: "MNM-TEH", Slug: "teh-melati", Category: CategoryDrinks, Kind: KindGoods, Price: 22_000, Stock: 150,
			NameID: "Teh Melati 100\u00a0g", NameEN: "Jasmine Tea 100\u00a0g",
			TextID: "Teh daun dari Tegal yang diperam semalam bersama bunga melati segar. Wangi, legit, kental.",
			TextEN: "Leaf tea from Tegal, rested overnight with fresh jasmine blossom. Fragrant, sweet and strong.",
		},
		{
			SKU: "MNM-JAMU", Slug: "jamu-kunyit-asam", Category: CategoryDrinks, Kind: KindGoods, Price: 28_000, Stock: 80,
			NameID: "Jamu Kunyit Asam 500 ml", NameEN: "Turmeric & Tamarind Jamu 500 ml",
			TextID: "Kunyit, asam jawa, dan gula aren, direbus pagi hari dan dibotolkan siangnya. Kocok dulu, minum dingin.",
			TextEN: "Turmeric, tamarind and palm sugar, brewed in the morning and bottled by noon. Shake it, drink it cold.",
		},
		{
			SKU: "MNM-JAHE", Slug: "wedang-jahe", Category: CategoryDrinks, Kind: KindGoods, Price: 19_000, Stock: 140,
			NameID: "Wedang Jahe isi 10", NameEN: "Ginger Wedang, 10 sachets",
			TextID: "Jahe merah, serai, dan gula batu dalam sepuluh kantong seduh. Untuk malam hujan dan tenggorokan manja.",
			TextEN: "Red ginger, lemongrass and rock sugar in ten sachets. For rainy nights and fussy throats.",
		},
		{
			SKU: "KRJ-BATIK", Slug: "kain-batik-kawung", Category: CategoryCrafts, Kind: KindGoods, Price: 1_500_000, Stock: 6,
			NameID: "Kain Batik Tulis Kawung", NameEN: "Hand-drawn Kawung Batik",
			TextID: "Batik tulis Yogyakarta di atas katun primisima, 2,4 meter, pewarna alam soga dan indigo. Tiga bulan di tangan satu pembatik.",
			TextEN: "Hand-drawn batik from Yogyakarta on fine cotton, 2.4 metres, dyed with soga and indigo. Three months in the hands of one maker.",
		},
		{
			SKU: "KRJ-PANDAN", Slug: "tas-pandan", Category: CategoryCrafts, Kind: KindGoods, Price: 275_000, Stock: 18,
			NameID: "Tas Anyaman Pandan", NameEN: "Woven Pandan Bag",
			TextID: "Daun pandan Tasikmalaya, dijemur, diwarnai, lalu dianyam rapat. Kuat untuk pasar, pantas untuk pesta.",
			TextEN: "Pandan leaf from Tasikmalaya, dried, dyed and tightly woven. Strong enough for the market, smart enough for a party.",
		},
		{
			SKU: "KRJ-WAYANG", Slug: "wayang-golek", Category: CategoryCrafts, Kind: KindGoods, Price: 640_000, Stock: 9,
			NameID: "Wayang Golek Arjuna", NameEN: "Arjuna Wayang Golek",
			TextID: "Boneka kayu lame dari Bandung, dipahat dan dicat tangan, berbusana beludru. Tinggi 45 cm, lengkap dengan dudukan.",
			TextEN: "Puppet of light wood from Bandung, carved and painted by hand, dressed in velvet. 45 cm tall, with its stand.",
		},
		{
			SKU: "KRJ-GERABAH", Slug: "cangkir-gerabah", Category: CategoryCrafts, Kind: KindGoods, Price: 165_000, Stock: 24,
			NameID: "Sepasang Cangkir Gerabah", NameEN: "Pair of Earthenware Cups",
			TextID: "Tanah liat Kasongan, diputar di roda kaki dan dibakar kayu. Tiap pasang sedikit berbeda, seperti pemiliknya.",
			TextEN: "Kasongan clay, thrown on a kick wheel and fired with wood. Every pair is a little different, like its owners.",
		},
		{
			SKU: "KRJ-ANGKLUNG", Slug: "angklung", Category: CategoryCrafts, Kind: KindGoods, Price: 210_000, Stock: 15,
			NameID: "Angklung Satu Oktaf", NameEN: "Angklung, One Octave",
			TextID: "Delapan nada bambu hitam dari Sumedang, disetel satu per satu. Goyangkan, dan seluruh rumah ikut bernyanyi.",
			TextEN: "Eight notes of black bamboo from Sumedang, tuned one by one. Shake it and the whole house sings along.",
		},
		{
			SKU: "VCR-050", Slug: "voucher-50", Category: CategoryVouchers, Kind: KindVoucher, Price: 50_000, Stock: 500,
			NameID: "Voucher Warung Rp\u00a050.000", NameEN: "Shop Voucher Rp\u00a050.000",
			TextID: "Hadiah yang tidak pernah salah ukuran. Setelah lunas, nomor pesanan adalah vouchernya; berlaku setahun di Warung Jokul.",
			TextEN: "A present that always fits. Once paid, the order number is the voucher, good for a year at Warung Jokul.",
		},
		{
			SKU: "VCR-100", Slug: "voucher-100", Category: CategoryVouchers, Kind: KindVoucher, Price: 100_000, Stock: 500,
			NameID: "Voucher Warung Rp\u00a0100.000", NameEN: "Shop Voucher Rp\u00a0100.000",
			TextID: "Untuk yang ulang tahun, wisuda, atau baru pindah rumah. Setelah lunas, nomor pesanan adalah vouchernya; berlaku setahun.",
			TextEN: "For birthdays, graduations and new homes. Once paid, the order number is the voucher, good for a year.",
		},
		{
			SKU: "VCR-CELENGAN", Slug: "celengan", Category: CategoryVouchers, Kind: KindOpen, Price: 25_000, Stock: 1_000,
			NameID: "Celengan Warung", NameEN: "Warung Money Box",
			TextID: "Satu kode pembayaran untuk menabung berkali-kali: bayar Rp 25.000 di Indomaret kapan saja selama kodenya berlaku. Tiap setoran tercatat di halaman pesanan.",
			TextEN: "One payment code for saving again and again: pay Rp 25.000 at Indomaret whenever you like while the code is valid. Each deposit is listed on your order page.",
		},
	}
}
