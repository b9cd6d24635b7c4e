package country

// organisations gives the fifty, each with what it answers for and whom the team knows there.
func organisations() []Organisation {
	return []Organisation{
		{
			Key: "aguas-do-vale", Name: "Águas do Vale, E.M.", Sector: "drinking_water", Class: "essential", Criticality: 3, Size: 310000, Lang: "pt",
			Communities: []string{"critical_infrastructure", "essential_services"},
			Contacts: []Contact{
				{Name: "Rui Tavares", Role: "security", Email: "rui.tavares@aguasdovale.example", Phone: "+999 231 400 112", Lang: "en", Key: true},
				{Name: "Sala de comando", Role: "duty", Email: "comando@aguasdovale.example", Phone: "+999 230 411 107", Lang: "pt", OnCall: true},
				{Name: "Carla Nunes", Role: "management", Email: "carla.nunes@aguasdovale.example", Phone: "+999 231 400 100", Lang: "pt"},
			},
			Assets: []Asset{{"prefix", "192.0.2.0/28"}, {"prefix", "2001:db8:1::/48"}, {"domain", "aguasdovale.example"}},
		},
		{
			Key: "energia-central", Name: "Energia Central, S.A.", Sector: "electricity", Class: "essential", Criticality: 3, Size: 2100000, Lang: "pt",
			Communities: []string{"critical_infrastructure", "essential_services"},
			Contacts: []Contact{
				{Name: "Nuno Valadares", Role: "security", Email: "nuno.valadares@energiacentral.example", Phone: "+999 231 448 101", Lang: "pt", OnCall: true, Key: true},
				{Name: "Teresa Couto", Role: "technical", Email: "teresa.couto@energiacentral.example", Phone: "+999 231 448 108", Lang: "pt"},
			},
			Assets: []Asset{{"prefix", "192.0.2.16/28"}, {"prefix", "2001:db8:2::/48"}, {"asn", "AS64500"}, {"domain", "energiacentral.example"}},
		},
		{
			Key: "rede-eletrica", Name: "Rede Elétrica de Valmora", Sector: "electricity", Class: "essential", Criticality: 3, Size: 2900000, Lang: "pt",
			Communities: []string{"critical_infrastructure"},
			Contacts: []Contact{
				{Name: "Centro de operação de segurança", Role: "duty", Email: "operacoes@redeeletrica.example", Phone: "+999 232 485 102", Lang: "pt", OnCall: true, Key: true},
				{Name: "Álvaro Sequeira", Role: "management", Email: "alvaro.sequeira@redeeletrica.example", Phone: "+999 232 485 109", Lang: "pt"},
			},
			Assets: []Asset{{"prefix", "192.0.2.32/28"}, {"prefix", "2001:db8:3::/48"}, {"asn", "AS64501"}, {"domain", "redeeletrica.example"}},
		},
		{
			Key: "gaz-littoral", Name: "Gaz du Littoral S.A.", Sector: "gas", Class: "essential", Criticality: 2, Size: 640000, Lang: "fr",
			Communities: []string{"essential_services"},
			Contacts: []Contact{
				{Name: "Mathilde Garnier", Role: "security", Email: "mathilde.garnier@gazlittoral.example", Phone: "+999 233 522 103", Lang: "fr", Key: true},
				{Name: "Astreinte informatique", Role: "duty", Email: "permanence@gazlittoral.example", Phone: "+999 233 522 110", Lang: "fr", OnCall: true},
			},
			Assets: []Asset{{"prefix", "192.0.2.48/28"}, {"prefix", "2001:db8:4::/48"}, {"domain", "gazlittoral.example"}},
		},
		{
			Key: "hospital-sao-braz", Name: "Hospital de São Braz", Sector: "health", Class: "essential", Criticality: 3, Size: 420000, Lang: "pt",
			Communities: []string{"essential_public_services", "essential_services"},
			Contacts: []Contact{
				{Name: "Sofia Meireles", Role: "security", Email: "sofia.meireles@hospitalsaobraz.example", Phone: "+999 232 118 204", Lang: "pt", Key: true},
				{Name: "Serviço de informática", Role: "duty", Email: "informatica@hospitalsaobraz.example", Phone: "+999 234 559 111", Lang: "pt", OnCall: true},
				{Name: "Henrique Lobo", Role: "management", Email: "henrique.lobo@hospitalsaobraz.example", Phone: "+999 234 559 118", Lang: "pt"},
			},
			Assets: []Asset{{"prefix", "192.0.2.64/28"}, {"prefix", "2001:db8:5::/48"}, {"domain", "hospitalsaobraz.example"}},
		},
		{
			Key: "sainte-claire", Name: "Centre hospitalier Sainte-Claire", Sector: "health", Class: "essential", Criticality: 2, Size: 180000, Lang: "fr",
			Communities: []string{"essential_public_services"},
			Contacts: []Contact{
				{Name: "Baptiste Morel", Role: "security", Email: "baptiste.morel@ch-sainteclaire.example", Phone: "+999 235 596 105", Lang: "fr"},
				{Name: "Garde informatique", Role: "duty", Email: "permanence@ch-sainteclaire.example", Phone: "+999 235 596 112", Lang: "fr", OnCall: true},
			},
			Assets: []Asset{{"prefix", "192.0.2.80/28"}, {"prefix", "2001:db8:6::/48"}, {"domain", "ch-sainteclaire.example"}},
		},
		{
			Key: "klinikum-nordheim", Name: "Klinikum Nordheim gGmbH", Sector: "health", Class: "essential", Criticality: 2, Size: 150000, Lang: "de",
			Communities: []string{"essential_public_services"},
			Contacts: []Contact{
				{Name: "Dr. Katrin Seidel", Role: "security", Email: "katrin.seidel@klinikum-nordheim.example", Phone: "+999 236 633 106", Lang: "de", Key: true},
				{Name: "IT-Bereitschaft", Role: "duty", Email: "bereitschaft@klinikum-nordheim.example", Phone: "+999 236 633 113", Lang: "de", OnCall: true},
			},
			Assets: []Asset{{"prefix", "192.0.2.96/28"}, {"prefix", "2001:db8:7::/48"}, {"domain", "klinikum-nordheim.example"}},
		},
		{
			Key: "portos-do-sul", Name: "Portos do Sul, S.A.", Sector: "water_transport", Class: "essential", Criticality: 3, Size: 90000, Lang: "pt",
			Communities: []string{"critical_infrastructure", "essential_services"},
			Contacts: []Contact{
				{Name: "Inês Barradas", Role: "security", Email: "ines.barradas@portosdosul.example", Phone: "+999 237 670 107", Lang: "pt", Key: true},
				{Name: "Controlo de tráfego marítimo", Role: "duty", Email: "operacoes@portosdosul.example", Phone: "+999 237 670 114", Lang: "pt", OnCall: true},
			},
			Assets: []Asset{{"prefix", "192.0.2.112/28"}, {"prefix", "2001:db8:8::/48"}, {"asn", "AS64502"}, {"domain", "portosdosul.example"}},
		},
		{
			Key: "haven-oosterdam", Name: "Havenbedrijf Oosterdam N.V.", Sector: "water_transport", Class: "essential", Criticality: 2, Size: 70000, Lang: "nl",
			Communities: []string{"essential_services"},
			Contacts: []Contact{
				{Name: "Pieter Hoekstra", Role: "security", Email: "pieter.hoekstra@havenoosterdam.example", Phone: "+999 238 707 108", Lang: "nl", Key: true},
				{Name: "Wachtdienst ICT", Role: "duty", Email: "wacht@havenoosterdam.example", Phone: "+999 238 707 115", Lang: "nl", OnCall: true},
			},
			Assets: []Asset{{"prefix", "192.0.2.128/28"}, {"prefix", "2001:db8:9::/48"}, {"domain", "havenoosterdam.example"}},
		},
		{
			Key: "transportes-lima", Name: "Transportes Lima, S.A.", Sector: "road", Class: "important", Criticality: 1, Size: 24000, Lang: "pt",
			Communities: []string{"essential_services"},
			Contacts: []Contact{
				{Name: "Gonçalo Lima", Role: "management", Email: "goncalo.lima@transporteslima.example", Phone: "+999 239 744 109", Lang: "pt"},
				{Name: "Vera Pacheco", Role: "security", Email: "vera.pacheco@transporteslima.example", Phone: "+999 239 744 116", Lang: "pt"},
			},
			Assets: []Asset{{"prefix", "192.0.2.144/28"}, {"prefix", "2001:db8:a::/48"}, {"domain", "transporteslima.example"}},
		},
		{
			Key: "caminhos-de-ferro", Name: "Caminhos de Ferro de Valmora", Sector: "rail", Class: "essential", Criticality: 3, Size: 800000, Lang: "pt",
			Communities: []string{"critical_infrastructure", "essential_services"},
			Contacts: []Contact{
				{Name: "Filipe Antunes", Role: "security", Email: "filipe.antunes@cfv.example", Phone: "+999 240 781 110", Lang: "pt", OnCall: true, Key: true},
				{Name: "Rosa Leal", Role: "technical", Email: "rosa.leal@cfv.example", Phone: "+999 240 781 117", Lang: "pt"},
			},
			Assets: []Asset{{"prefix", "192.0.2.160/28"}, {"prefix", "2001:db8:b::/48"}, {"asn", "AS64503"}, {"domain", "cfv.example"}, {"domain", "bilhetes-cfv.example"}},
		},
		{
			Key: "aeroport-belmont", Name: "Aéroport de Belmont", Sector: "air", Class: "essential", Criticality: 2, Size: 260000, Lang: "fr",
			Communities: []string{"critical_infrastructure", "essential_services"},
			Contacts: []Contact{
				{Name: "Élodie Chauvet", Role: "security", Email: "elodie.chauvet@aeroport-belmont.example", Phone: "+999 241 818 111", Lang: "fr", Key: true},
				{Name: "Permanence exploitation", Role: "duty", Email: "permanence@aeroport-belmont.example", Phone: "+999 241 818 118", Lang: "fr", OnCall: true},
			},
			Assets: []Asset{{"prefix", "192.0.2.176/28"}, {"prefix", "2001:db8:c::/48"}, {"domain", "aeroport-belmont.example"}},
		},
		{
			Key: "telval", Name: "Telval Comunicações, S.A.", Sector: "digital_infrastructure", Class: "essential", Criticality: 3, Size: 1600000, Lang: "pt",
			Communities: []string{"critical_infrastructure", "digital_service_providers"},
			Contacts: []Contact{
				{Name: "NOC Telval", Role: "duty", Email: "noc@telval.example", Phone: "+999 242 855 112", Lang: "pt", OnCall: true, Key: true},
				{Name: "Equipa de abuso", Role: "technical", Email: "abuse@telval.example", Phone: "+999 242 855 119", Lang: "pt", Key: true},
				{Name: "Miguel Serrano", Role: "security", Email: "miguel.serrano@telval.example", Phone: "+999 242 855 126", Lang: "pt", Key: true},
			},
			Assets: []Asset{{"prefix", "192.0.2.192/27"}, {"prefix", "2001:db8:d::/48"}, {"asn", "AS64496"}, {"domain", "telval.example"}, {"domain", "telval-clientes.example"}},
		},
		{
			Key: "kustnet", Name: "Kustnet B.V.", Sector: "digital_infrastructure", Class: "essential", Criticality: 2, Size: 520000, Lang: "nl",
			Communities: []string{"digital_service_providers", "essential_services"},
			Contacts: []Contact{
				{Name: "Abusedesk Kustnet", Role: "technical", Email: "abuse@kustnet.example", Phone: "+999 243 892 113", Lang: "nl", Key: true},
				{Name: "Femke van Rijn", Role: "security", Email: "femke.vanrijn@kustnet.example", Phone: "+999 243 892 120", Lang: "nl", Key: true},
				{Name: "NOC Kustnet", Role: "duty", Email: "noc@kustnet.example", Phone: "+999 243 892 127", Lang: "nl", OnCall: true},
			},
			Assets: []Asset{{"prefix", "192.0.2.224/28"}, {"prefix", "2001:db8:e::/48"}, {"asn", "AS64497"}, {"domain", "kustnet.example"}},
		},
		{
			Key: "val-ix", Name: "VAL-IX Internet Exchange", Sector: "digital_infrastructure", Class: "essential", Criticality: 3, Lang: "en",
			Communities: []string{"critical_infrastructure", "digital_service_providers"},
			Contacts: []Contact{
				{Name: "Duncan Ferry", Role: "technical", Email: "duncan.ferry@val-ix.example", Phone: "+999 244 929 114", Lang: "en", OnCall: true, Key: true},
			},
			Assets: []Asset{{"prefix", "192.0.2.240/28"}, {"prefix", "2001:db8:f::/48"}, {"asn", "AS64498"}, {"domain", "val-ix.example"}},
		},
		{
			Key: "registry", Name: "Valmora Domain Registry", Sector: "digital_infrastructure", Class: "essential", Criticality: 3, Lang: "en",
			Communities: []string{"critical_infrastructure", "digital_service_providers"},
			Contacts: []Contact{
				{Name: "Abuse and disputes", Role: "technical", Email: "abuse@registry.valmora.example", Phone: "+999 245 966 115", Lang: "en", Key: true},
				{Name: "Maya Thorne", Role: "security", Email: "maya.thorne@registry.valmora.example", Phone: "+999 245 966 122", Lang: "en", OnCall: true, Key: true},
			},
			Assets: []Asset{{"prefix", "198.51.100.0/28"}, {"prefix", "2001:db8:10::/48"}, {"asn", "AS64499"}, {"domain", "registry.valmora.example"}},
		},
		{
			Key: "wolkenheim", Name: "Wolkenheim Hosting GmbH", Sector: "digital_infrastructure", Class: "essential", Criticality: 2, Size: 48000, Lang: "de",
			Communities: []string{"digital_service_providers"},
			Contacts: []Contact{
				{Name: "Abuse-Team", Role: "technical", Email: "abuse@wolkenheim.example", Phone: "+999 246 003 116", Lang: "de", Key: true},
				{Name: "Stefan Brückner", Role: "security", Email: "stefan.bruckner@wolkenheim.example", Phone: "+999 246 003 123", Lang: "de"},
			},
			Assets: []Asset{{"prefix", "198.51.100.16/28"}, {"prefix", "2001:db8:11::/48"}, {"asn", "AS64504"}, {"domain", "wolkenheim.example"}},
		},
		{
			Key: "porto-host", Name: "Porto Host, Lda.", Sector: "digital_infrastructure", Class: "important", Criticality: 1, Size: 9000, Lang: "pt",
			Communities: []string{"digital_service_providers", "businesses"},
			Contacts: []Contact{
				{Name: "Suporte técnico", Role: "technical", Email: "suporte@portohost.example", Phone: "+999 247 040 117", Lang: "pt"},
			},
			Assets: []Asset{{"prefix", "198.51.100.32/28"}, {"prefix", "2001:db8:12::/48"}, {"asn", "AS64505"}, {"domain", "portohost.example"}},
		},
		{
			Key: "banco-mercante", Name: "Banco Mercante, S.A.", Sector: "banking", Class: "essential", Criticality: 3, Size: 900000, Lang: "pt",
			Communities: []string{"essential_services"},
			Contacts: []Contact{
				{Name: "Diogo Castanheira", Role: "security", Email: "diogo.castanheira@bancomercante.example", Phone: "+999 248 077 118", Lang: "pt", OnCall: true, Key: true},
				{Name: "Antifraude", Role: "duty", Email: "antifraude@bancomercante.example", Phone: "+999 248 077 125", Lang: "pt", OnCall: true},
			},
			Assets: []Asset{{"prefix", "198.51.100.48/28"}, {"prefix", "2001:db8:13::/48"}, {"asn", "AS64506"}, {"domain", "bancomercante.example"}},
		},
		{
			Key: "credit-valmorien", Name: "Crédit Valmorien", Sector: "banking", Class: "essential", Criticality: 2, Size: 350000, Lang: "fr",
			Communities: []string{"essential_services"},
			Contacts: []Contact{
				{Name: "Amandine Roussel", Role: "security", Email: "amandine.roussel@creditvalmorien.example", Phone: "+999 249 114 119", Lang: "fr", Key: true},
				{Name: "Cellule fraude", Role: "duty", Email: "fraude@creditvalmorien.example", Phone: "+999 249 114 126", Lang: "fr", OnCall: true},
			},
			Assets: []Asset{{"prefix", "198.51.100.64/28"}, {"prefix", "2001:db8:14::/48"}, {"domain", "creditvalmorien.example"}},
		},
		{
			Key: "bolsa", Name: "Bolsa de Valmora", Sector: "financial_market", Class: "essential", Criticality: 3, Lang: "pt",
			Communities: []string{"critical_infrastructure", "essential_services"},
			Contacts: []Contact{
				{Name: "Artur Penedo", Role: "security", Email: "artur.penedo@bolsavalmora.example", Phone: "+999 250 151 120", Lang: "pt", OnCall: true, Key: true},
			},
			Assets: []Asset{{"prefix", "198.51.100.80/28"}, {"prefix", "2001:db8:15::/48"}, {"asn", "AS64507"}, {"domain", "bolsavalmora.example"}},
		},
		{
			Key: "sparkasse-nordheim", Name: "Sparkasse Nordheim", Sector: "banking", Class: "important", Criticality: 1, Size: 110000, Lang: "de",
			Communities: []string{"essential_services"},
			Contacts: []Contact{
				{Name: "Ulrike Hansen", Role: "security", Email: "ulrike.hansen@sparkasse-nordheim.example", Phone: "+999 251 188 121", Lang: "de"},
			},
			Assets: []Asset{{"prefix", "198.51.100.96/28"}, {"prefix", "2001:db8:16::/48"}, {"domain", "sparkasse-nordheim.example"}},
		},
		{
			Key: "autoridade-tributaria", Name: "Autoridade Tributária", Sector: "public_administration", Class: "essential", Criticality: 3, Size: 2900000, Lang: "pt",
			Communities: []string{"public_administration"},
			Contacts: []Contact{
				{Name: "Beatriz Falcão", Role: "security", Email: "beatriz.falcao@impostos.valmora.example", Phone: "+999 252 225 122", Lang: "pt", Key: true},
				{Name: "Operação de sistemas", Role: "duty", Email: "operacoes@impostos.valmora.example", Phone: "+999 252 225 129", Lang: "pt", OnCall: true},
			},
			Assets: []Asset{{"prefix", "198.51.100.112/28"}, {"prefix", "2001:db8:17::/48"}, {"asn", "AS64508"}, {"domain", "impostos.valmora.example"}},
		},
		{
			Key: "secretaria-geral", Name: "Secretaria-Geral do Governo", Sector: "public_administration", Class: "essential", Criticality: 3, Lang: "pt",
			Communities: []string{"public_administration"},
			Contacts: []Contact{
				{Name: "Leonor Abreu", Role: "security", Email: "leonor.abreu@governo.valmora.example", Phone: "+999 253 262 123", Lang: "pt", OnCall: true, Key: true},
			},
			Assets: []Asset{{"prefix", "198.51.100.128/28"}, {"prefix", "2001:db8:18::/48"}, {"asn", "AS64509"}, {"domain", "governo.valmora.example"}},
		},
		{
			Key: "ministerio-interior", Name: "Ministério da Administração Interna", Sector: "public_administration", Class: "essential", Criticality: 3, Lang: "pt", Parent: "secretaria-geral",
			Communities: []string{"public_administration"},
			Contacts: []Contact{
				{Name: "Duarte Morgado", Role: "security", Email: "duarte.morgado@mai.valmora.example", Phone: "+999 254 299 124", Lang: "pt", Key: true},
				{Name: "Apoio informático", Role: "technical", Email: "apoio@mai.valmora.example", Phone: "+999 254 299 131", Lang: "pt"},
			},
			Assets: []Asset{{"prefix", "198.51.100.144/28"}, {"prefix", "2001:db8:19::/48"}, {"domain", "mai.valmora.example"}},
		},
		{
			Key: "camara-alvor", Name: "Câmara Municipal de Alvor", Sector: "public_administration", Class: "important", Criticality: 1, Size: 38000, Lang: "pt",
			Communities: []string{"public_administration"},
			Contacts: []Contact{
				{Name: "Susana Ventura", Role: "technical", Email: "susana.ventura@cm-alvor.example", Phone: "+999 255 336 125", Lang: "pt"},
				{Name: "Gabinete da presidência", Role: "management", Email: "direcao@cm-alvor.example", Phone: "+999 255 336 132", Lang: "pt"},
			},
			Assets: []Asset{{"prefix", "198.51.100.160/28"}, {"prefix", "2001:db8:1a::/48"}, {"domain", "cm-alvor.example"}},
		},
		{
			Key: "camara-ribeira", Name: "Câmara Municipal de Ribeira Alta", Sector: "public_administration", Class: "important", Criticality: 1, Size: 52000, Lang: "pt",
			Communities: []string{"public_administration"},
			Contacts: []Contact{
				{Name: "Hugo Barata", Role: "technical", Email: "hugo.barata@cm-ribeiraalta.example", Phone: "+999 256 373 126", Lang: "pt", Key: true},
				{Name: "Paula Cordeiro", Role: "management", Email: "paula.cordeiro@cm-ribeiraalta.example", Phone: "+999 256 373 133", Lang: "pt"},
			},
			Assets: []Asset{{"prefix", "198.51.100.176/28"}, {"prefix", "2001:db8:1b::/48"}, {"domain", "cm-ribeiraalta.example"}},
		},
		{
			Key: "gemeente-oosterdam", Name: "Gemeente Oosterdam", Sector: "public_administration", Class: "important", Criticality: 2, Size: 145000, Lang: "nl",
			Communities: []string{"public_administration"},
			Contacts: []Contact{
				{Name: "Marieke Smit", Role: "security", Email: "marieke.smit@oosterdam.example", Phone: "+999 257 410 127", Lang: "nl", Key: true},
				{Name: "Servicedesk ICT", Role: "technical", Email: "servicedesk@oosterdam.example", Phone: "+999 257 410 134", Lang: "nl"},
			},
			Assets: []Asset{{"prefix", "198.51.100.192/28"}, {"prefix", "2001:db8:1c::/48"}, {"domain", "oosterdam.example"}},
		},
		{
			Key: "ville-belmont", Name: "Ville de Belmont", Sector: "public_administration", Class: "important", Criticality: 1, Size: 61000, Lang: "fr",
			Communities: []string{"public_administration"},
			Contacts: []Contact{
				{Name: "Julien Faure", Role: "technical", Email: "julien.faure@ville-belmont.example", Phone: "+999 258 447 128", Lang: "fr"},
				{Name: "Direction générale", Role: "management", Email: "direction@ville-belmont.example", Phone: "+999 258 447 135", Lang: "fr"},
			},
			Assets: []Asset{{"prefix", "198.51.100.208/28"}, {"prefix", "2001:db8:1d::/48"}, {"domain", "ville-belmont.example"}},
		},
		{
			Key: "stadt-nordheim", Name: "Stadt Nordheim", Sector: "public_administration", Class: "important", Criticality: 2, Size: 98000, Lang: "de",
			Communities: []string{"public_administration"},
			Contacts: []Contact{
				{Name: "Anke Lorenz", Role: "security", Email: "anke.lorenz@stadt-nordheim.example", Phone: "+999 259 484 129", Lang: "de", Key: true},
			},
			Assets: []Asset{{"prefix", "198.51.100.224/28"}, {"prefix", "2001:db8:1e::/48"}, {"domain", "stadt-nordheim.example"}},
		},
		{
			Key: "registos", Name: "Instituto dos Registos", Sector: "public_administration", Class: "essential", Criticality: 3, Size: 2900000, Lang: "pt", Parent: "secretaria-geral",
			Communities: []string{"public_administration", "essential_public_services"},
			Contacts: []Contact{
				{Name: "Catarina Veloso", Role: "security", Email: "catarina.veloso@registos.valmora.example", Phone: "+999 260 521 130", Lang: "pt", Key: true},
				{Name: "Bruno Pestana", Role: "technical", Email: "bruno.pestana@registos.valmora.example", Phone: "+999 260 521 137", Lang: "pt"},
			},
			Assets: []Asset{{"prefix", "198.51.100.240/28"}, {"prefix", "2001:db8:1f::/48"}, {"domain", "registos.valmora.example"}, {"domain", "cartaodocidadao.valmora.example"}},
		},
		{
			Key: "seguranca-social", Name: "Segurança Social", Sector: "public_administration", Class: "essential", Criticality: 3, Size: 2600000, Lang: "pt", Parent: "secretaria-geral",
			Communities: []string{"public_administration", "essential_public_services"},
			Contacts: []Contact{
				{Name: "Isabel Frade", Role: "security", Email: "isabel.frade@segsocial.valmora.example", Phone: "+999 261 558 131", Lang: "pt", Key: true},
			},
			Assets: []Asset{{"prefix", "203.0.113.0/28"}, {"prefix", "2001:db8:20::/48"}, {"domain", "segsocial.valmora.example"}},
		},
		{
			Key: "protecao-dados", Name: "Comissão de Proteção de Dados", Sector: "public_administration", Class: "essential", Criticality: 1, Lang: "pt",
			Communities: []string{"public_administration"},
			Contacts: []Contact{
				{Name: "Notificações", Role: "duty", Email: "notificacoes@protecaodados.valmora.example", Phone: "+999 262 595 132", Lang: "pt", Key: true},
				{Name: "Margarida Quental", Role: "management", Email: "margarida.quental@protecaodados.valmora.example", Phone: "+999 262 595 139", Lang: "pt"},
			},
			Assets: []Asset{{"domain", "protecaodados.valmora.example"}},
		},
		{
			Key: "centro-crise", Liaison: "crisis_centre", Name: "Centro Nacional de Gestão de Crises", Sector: "public_administration", Class: "essential", Criticality: 3, Lang: "pt", Parent: "secretaria-geral",
			Communities: []string{"public_administration", "critical_infrastructure"},
			Contacts: []Contact{
				{Name: "Oficial de serviço", Role: "duty", Email: "oficial@centrodecrise.valmora.example", Phone: "+999 263 632 133", Lang: "pt", OnCall: true, Key: true},
				{Name: "Ruben de Wit", Role: "security", Email: "ruben.dewit@centrodecrise.valmora.example", Phone: "+999 263 632 140", Lang: "nl", Key: true},
			},
			Assets: []Asset{{"prefix", "203.0.113.16/28"}, {"prefix", "2001:db8:22::/48"}, {"domain", "centrodecrise.valmora.example"}},
		},
		{
			Key: "policia", Liaison: "police", Name: "Polícia Criminal, Unidade de Cibercrime", Sector: "public_administration", Class: "essential", Criticality: 2, Lang: "pt", Parent: "ministerio-interior",
			Communities: []string{"public_administration"},
			Contacts: []Contact{
				{Name: "Piquete", Role: "duty", Email: "piquete@policia.valmora.example", Phone: "+999 264 669 134", Lang: "pt", OnCall: true, Key: true},
				{Name: "Inspetor Luís Amaro", Role: "security", Email: "luis.amaro@policia.valmora.example", Phone: "+999 264 669 141", Lang: "pt", Key: true},
			},
			Assets: []Asset{{"domain", "policia.valmora.example"}},
		},
		{
			Key: "regulador-agua", Liaison: "regulator", Name: "Autoridade Reguladora da Água e da Energia", Sector: "public_administration", Class: "essential", Criticality: 2, Lang: "pt",
			Communities: []string{"public_administration"},
			Contacts: []Contact{
				{Name: "Fernanda Godinho", Role: "security", Email: "fernanda.godinho@arae.valmora.example", Phone: "+999 265 706 135", Lang: "pt", Key: true},
			},
			Assets: []Asset{{"domain", "arae.valmora.example"}},
		},
		{
			Key: "emergencia", Name: "Serviço Nacional de Emergência", Sector: "emergency_services", Class: "essential", Criticality: 3, Size: 2900000, Lang: "pt", Parent: "ministerio-interior",
			Communities: []string{"essential_public_services", "critical_infrastructure"},
			Contacts: []Contact{
				{Name: "Central de operações", Role: "duty", Email: "central@emergencia.valmora.example", Phone: "+999 266 743 136", Lang: "pt", OnCall: true, Key: true},
			},
			Assets: []Asset{{"prefix", "203.0.113.32/28"}, {"prefix", "2001:db8:25::/48"}, {"asn", "AS65536"}, {"domain", "emergencia.valmora.example"}},
		},
		{
			Key: "universidade-norte", Name: "Universidade do Norte", Sector: "research", Class: "important", Criticality: 1, Size: 31000, Lang: "pt",
			Communities: []string{"essential_public_services"},
			Contacts: []Contact{
				{Name: "Ricardo Sampaio", Role: "security", Email: "ricardo.sampaio@uninorte.example", Phone: "+999 267 780 137", Lang: "pt", Key: true},
				{Name: "Gabinete de apoio", Role: "technical", Email: "suporte@uninorte.example", Phone: "+999 267 780 144", Lang: "pt"},
			},
			Assets: []Asset{{"prefix", "203.0.113.48/28"}, {"prefix", "2001:db8:26::/48"}, {"asn", "AS64510"}, {"domain", "uninorte.example"}},
		},
		{
			Key: "universiteit-oosterdam", Name: "Universiteit Oosterdam", Sector: "research", Class: "important", Criticality: 1, Size: 27000, Lang: "nl",
			Communities: []string{"essential_public_services"},
			Contacts: []Contact{
				{Name: "Joris Bakker", Role: "security", Email: "joris.bakker@uni-oosterdam.example", Phone: "+999 268 817 138", Lang: "nl", Key: true},
			},
			Assets: []Asset{{"prefix", "203.0.113.128/28"}, {"prefix", "2001:db8:27::/48"}, {"asn", "AS64511"}, {"domain", "uni-oosterdam.example"}},
		},
		{
			Key: "feira24", Name: "Feira24 Marketplace", Sector: "digital_providers", Class: "important", Criticality: 1, Size: 780000, Lang: "pt",
			Communities: []string{"digital_service_providers", "businesses"},
			Contacts: []Contact{
				{Name: "Joana Rebelo", Role: "security", Email: "joana.rebelo@feira24.example", Phone: "+999 269 854 139", Lang: "pt", Key: true},
				{Name: "Privacidade", Role: "management", Email: "privacidade@feira24.example", Phone: "+999 269 854 146", Lang: "pt"},
			},
			Assets: []Asset{{"prefix", "203.0.113.144/28"}, {"prefix", "2001:db8:28::/48"}, {"domain", "feira24.example"}},
		},
		{
			Key: "hidrotec", Name: "Hidrotec Automação, Lda.", Sector: "ict_service_management", Class: "important", Criticality: 2, Lang: "pt",
			Communities: []string{"digital_service_providers", "businesses"},
			Contacts: []Contact{
				{Name: "Vasco Pimenta", Role: "technical", Email: "vasco.pimenta@hidrotec.example", Phone: "+999 270 891 140", Lang: "pt", OnCall: true},
				{Name: "Célia Marques", Role: "management", Email: "celia.marques@hidrotec.example", Phone: "+999 270 891 147", Lang: "pt"},
			},
			Assets: []Asset{{"prefix", "203.0.113.160/28"}, {"prefix", "2001:db8:29::/48"}, {"domain", "hidrotec.example"}},
		},
		{
			Key: "netport", Name: "NetPort Systems AG", Sector: "manufacturing", Class: "important", Criticality: 2, Lang: "de",
			Communities: []string{"businesses"},
			Contacts: []Contact{
				{Name: "Product Security", Role: "security", Email: "psirt@netport.example", Phone: "+999 271 928 141", Lang: "de", Key: true},
				{Name: "Thomas Kiefer", Role: "management", Email: "thomas.kiefer@netport.example", Phone: "+999 271 928 148", Lang: "de"},
			},
			Assets: []Asset{{"prefix", "203.0.113.176/28"}, {"prefix", "2001:db8:2a::/48"}, {"asn", "AS65537"}, {"domain", "netport.example"}},
		},
		{
			Key: "munivia", Name: "Munivia Software, S.A.", Sector: "ict_service_management", Class: "important", Criticality: 2, Lang: "pt",
			Communities: []string{"digital_service_providers"},
			Contacts: []Contact{
				{Name: "Raquel Torres", Role: "security", Email: "raquel.torres@munivia.example", Phone: "+999 272 965 142", Lang: "pt", Key: true},
				{Name: "Apoio a clientes", Role: "technical", Email: "apoio@munivia.example", Phone: "+999 272 965 149", Lang: "pt"},
			},
			Assets: []Asset{{"prefix", "203.0.113.192/28"}, {"prefix", "2001:db8:2b::/48"}, {"asn", "AS65538"}, {"domain", "munivia.example"}},
		},
		{
			Key: "metalurgica-azeda", Name: "Metalúrgica Azeda, S.A.", Sector: "manufacturing", Class: "important", Criticality: 1, Lang: "pt",
			Communities: []string{"businesses"},
			Contacts: []Contact{
				{Name: "Manuel Azeda", Role: "management", Email: "manuel.azeda@azeda.example", Phone: "+999 273 002 143", Lang: "pt"},
				{Name: "Patrícia Rocha", Role: "technical", Email: "patricia.rocha@azeda.example", Phone: "+999 273 002 150", Lang: "pt"},
			},
			Assets: []Asset{{"prefix", "203.0.113.208/28"}, {"prefix", "2001:db8:2c::/48"}, {"domain", "azeda.example"}},
		},
		{
			Key: "bakkerij-zonneveld", Name: "Bakkerij Zonneveld", Sector: "food", Lang: "nl",
			Communities: []string{"businesses"},
			Contacts: []Contact{
				{Name: "Lotte Zonneveld", Role: "management", Email: "lotte.zonneveld@zonneveld.example", Phone: "+999 274 039 144", Lang: "nl"},
			},
			Assets: []Asset{{"domain", "zonneveld.example"}},
		},
		{
			Key: "brasserie-lambert", Name: "Brasserie Lambert SARL", Sector: "food", Lang: "fr",
			Communities: []string{"businesses"},
			Contacts: []Contact{
				{Name: "Denis Lambert", Role: "management", Email: "denis.lambert@brasserie-lambert.example", Phone: "+999 275 076 145", Lang: "fr"},
			},
			Assets: []Asset{{"domain", "brasserie-lambert.example"}},
		},
		{
			Key: "nordheim-chemie", Name: "Nordheim Chemie GmbH", Sector: "chemicals", Class: "important", Criticality: 2, Lang: "de",
			Communities: []string{"businesses"},
			Contacts: []Contact{
				{Name: "Martin Eckhardt", Role: "security", Email: "martin.eckhardt@nordheim-chemie.example", Phone: "+999 276 113 146", Lang: "de", Key: true},
				{Name: "Leitwarte", Role: "duty", Email: "bereitschaft@nordheim-chemie.example", Phone: "+999 276 113 153", Lang: "de", OnCall: true},
			},
			Assets: []Asset{{"prefix", "203.0.113.224/28"}, {"prefix", "2001:db8:2f::/48"}, {"domain", "nordheim-chemie.example"}},
		},
		{
			Key: "correio-expresso", Name: "Correio Expresso, S.A.", Sector: "postal", Class: "important", Criticality: 2, Size: 1200000, Lang: "pt",
			Communities: []string{"essential_services", "businesses"},
			Contacts: []Contact{
				{Name: "Daniela Cruz", Role: "security", Email: "daniela.cruz@correioexpresso.example", Phone: "+999 277 150 147", Lang: "pt", Key: true},
				{Name: "Apoio ao cliente", Role: "technical", Email: "apoio@correioexpresso.example", Phone: "+999 277 150 154", Lang: "pt"},
			},
			Assets: []Asset{{"prefix", "203.0.113.240/28"}, {"prefix", "2001:db8:30::/48"}, {"asn", "AS65539"}, {"domain", "correioexpresso.example"}},
		},
		{
			Key: "liga-consumidores", Name: "Liga dos Consumidores", Sector: "none", Size: 45000, Lang: "pt",
			Communities: []string{"general_public"},
			Contacts: []Contact{
				{Name: "Linha de apoio", Role: "technical", Email: "apoio@ligaconsumidores.example", Phone: "+999 278 187 148", Lang: "pt"},
			},
			Assets: []Asset{{"domain", "ligaconsumidores.example"}},
		},
		{
			Key: "harbour-observatory", Name: "Harbour Internet Observatory", Sector: "research", Lang: "en",
			Communities: []string{"national_cyberspace"},
			Contacts: []Contact{
				{Name: "Scan reports", Role: "technical", Email: "reports@harbour-observatory.example", Phone: "+999 279 224 149", Lang: "en", Key: true},
			},
			Assets: []Asset{{"domain", "harbour-observatory.example"}},
		},
	}
}
